"use strict";
const slider = document.getElementById("moment");
const button = document.getElementById("play");
const clock = document.getElementById("clock");
const cells = [...document.querySelectorAll(".strip")].map((element) => ({
  element,
  times: JSON.parse(element.dataset.times),
  width: Number(element.dataset.width),
  end: Number(element.dataset.end),
}));
const LENGTH_MS = 12000;
let playing = true;
let last = null;

// Each picture shows its latest frame; the slider is the share of the longest process of a row.
function show() {
  const share = Number(slider.value) / 1000;
  for (const { element, times, width, end } of cells) {
    const now = share * end;
    let index = 0;
    while (index + 1 < times.length && times[index + 1] <= now + 1e-6) index += 1;
    element.style.backgroundPosition = `${-index * width}px 0`;
  }
  clock.textContent = `${Math.round(share * 100)} %`;
}

function tick(time) {
  if (playing && last !== null) {
    const next = Number(slider.value) + ((time - last) / LENGTH_MS) * 1000;
    slider.value = String(Math.min(next, 1000));
    show();
    if (next >= 1000) setPlaying(false);
  }
  last = time;
  requestAnimationFrame(tick);
}

function setPlaying(value) {
  playing = value;
  button.textContent = playing ? "Pause" : "Play";
}

button.addEventListener("click", () => {
  if (!playing && Number(slider.value) >= 1000) slider.value = "0";
  setPlaying(!playing);
});
slider.addEventListener("input", () => {
  setPlaying(false);
  show();
});
show();
requestAnimationFrame(tick);
