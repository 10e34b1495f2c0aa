// Filters the cards and tells what lies under the pointer on a strip. The page reads well without.
"use strict";
(() => {
  const find = (selector, root = document) => [...root.querySelectorAll(selector)];
  const entries = find("[data-words]");
  const chips = find(".chip");
  const box = document.getElementById("search");
  const shown = document.getElementById("shown");
  let tag = "all";

  // The name of a sample or keyframe is found by its video; a path by its end.
  const wordOf = (typed) => typed.replace(/^([0-9a-f]{16})-(k\d|white).*$/, "$1").replace(/^\.\//, "");

  const filter = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean).map(wordOf);
    let count = 0;
    for (const entry of entries) {
      const fits = tag === "all" || entry.dataset.tags.split("|").includes(tag);
      const said = entry.dataset.words.toLowerCase();
      entry.hidden = !(fits && words.every((word) => said.includes(word)));
      count += !entry.hidden;
    }
    for (const group of find(".group")) {
      group.hidden = find("[data-words]", group).every((entry) => entry.hidden);
    }
    for (const chip of chips) {
      chip.setAttribute("aria-pressed", String(chip.dataset.tag === tag));
    }
    const isAll = tag === "all" && !words.length;
    shown.textContent = isAll ? "" : `${count} of ${entries.length} on this page`;
  };

  const choose = (name) => {
    tag = name === tag ? "all" : name;
    filter();
  };
  for (const chip of chips) chip.addEventListener("click", () => choose(chip.dataset.tag));
  box.addEventListener("input", filter);

  const fates = document.body.dataset.fates.split(" ");
  const clock = (s) => s < 60 ? `${s.toFixed(1)} s`
    : `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;
  for (const strip of find(".strip")) {
    const runs = strip.dataset.runs.split(" ").map((run) => run.split(":").map(Number));
    const picture = strip.querySelector("svg");
    const readout = strip.querySelector(".readout");
    picture.addEventListener("mousemove", (event) => {
      const area = picture.getBoundingClientRect();
      const time = (event.clientX - area.left) / area.width * Number(strip.dataset.duration);
      const run = runs.findLast(([start]) => start <= time) || runs[0];
      readout.textContent = `${clock(Math.max(0, time))}: ${fates[run[1]]}`;
    });
    picture.addEventListener("mouseleave", () => { readout.textContent = ""; });
  }

  const light = (from, to) => {
    if (!from || !to) return;
    const set = (on) => () => { for (const item of [from, to]) item.classList.toggle("is-lit", on); };
    for (const item of [from, to]) {
      item.addEventListener("mouseenter", set(true));
      item.addEventListener("mouseleave", set(false));
    }
  };
  for (const tick of find(".ticks a[href]")) {
    light(tick, document.getElementById(tick.getAttribute("href").slice(1)));
  }
})();
