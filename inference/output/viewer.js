"use strict";
(() => {
  const data = JSON.parse(document.getElementById("session").textContent);
  const at = (id) => document.getElementById(id);
  const stage = at("stage"), under = at("under"), over = at("over"), mask = at("mask");
  const target = at("target"), wipe = at("wipe"), scrub = at("scrub"), strip = at("strip");
  const last = data.steps.length - 1;
  const STEP_MS = 1100, END_MS = 3200;
  const PLAY = "M8 5.5v13l11-6.5z", PAUSE = "M7 5.5h3.4v13H7zM13.6 5.5H17v13h-3.4z";
  let step = 0, timer = null, showsMask = false, compares = false, split = 0.5;

  target.src = data.target;
  data.steps.forEach((item, index) => {
    const entry = document.createElement("li");
    const button = document.createElement("button");
    const image = document.createElement("img");
    const word = document.createElement("span");
    const clock = document.createElement("span");
    image.src = item.thumbnail;
    image.alt = "";
    word.textContent = index === 0 ? "canvas" : item.word + (item.finish ? " ◦" : "");
    clock.textContent = item.clock;
    clock.className = "digits";
    button.append(image, word, clock);
    button.addEventListener("click", () => { pause(); show(index); });
    entry.append(button);
    strip.append(entry);
  });

  function show(index, behavior = "smooth") {
    const before = step;
    step = Math.max(0, Math.min(last, index));
    const item = data.steps[step];
    // The canvas before lies under the new one, which fades in over it.
    under.src = data.steps[before].image;
    over.style.transition = "none";
    over.style.opacity = before === step ? 1 : 0;
    over.src = item.image;
    void over.offsetWidth;
    over.style.transition = "";
    over.style.opacity = 1;
    at("word").textContent = step === 0 ? "the white canvas" : item.word;
    at("clock").textContent = item.clock;
    at("place").textContent = step === 0 ? "" : "step " + step + " of " + last;
    at("facts").textContent = facts(item);
    scrub.value = step;
    scrub.style.setProperty("--done", (100 * step / last) + "%");
    for (const [place, entry] of [...strip.children].entries()) {
      entry.firstChild.setAttribute("aria-current", place === step);
    }
    const entry = strip.children[step];
    const middle = entry.offsetLeft - strip.offsetLeft - (strip.clientWidth - entry.clientWidth) / 2;
    strip.scrollTo({ left: middle, behavior });
    overlay();
  }

  function facts(item) {
    if (step === 0) return "nothing is painted yet";
    const parts = [Math.max(1, Math.round(100 * item.area)) + " % of the canvas"];
    if (item.finish) parts.push("set, not painted");
    if (item.confidence !== null) parts.push("sure of the word to " + Math.round(100 * item.confidence) + " %");
    return parts.join(", ");
  }

  function overlay() {
    const uri = data.steps[step].mask;
    mask.hidden = !(showsMask && uri);
    if (!mask.hidden) mask.src = uri;
    target.hidden = wipe.hidden = !compares;
    target.style.clipPath = "inset(0 0 0 " + 100 * split + "%)";
    wipe.style.left = 100 * split + "%";
    stage.classList.toggle("comparing", compares);
    at("maskbutton").setAttribute("aria-pressed", showsMask);
    at("targetbutton").setAttribute("aria-pressed", compares);
  }

  function play() {
    if (step === last) show(0);
    at("glyph").setAttribute("d", PAUSE);
    at("play").setAttribute("aria-label", "Pause");
    tick();
  }
  function tick() {
    const speed = Number(at("speed").value);
    timer = setTimeout(() => {
      if (step === last) { show(0); } else { show(step + 1); }
      tick();
    }, (step === last ? END_MS : STEP_MS) / speed);
  }
  function pause() {
    clearTimeout(timer);
    timer = null;
    at("glyph").setAttribute("d", PLAY);
    at("play").setAttribute("aria-label", "Play");
  }
  const toggle = () => (timer === null ? play() : pause());
  const toggleMask = () => { showsMask = !showsMask; overlay(); };
  const toggleTarget = () => { compares = !compares; overlay(); };

  at("play").addEventListener("click", toggle);
  at("maskbutton").addEventListener("click", toggleMask);
  at("targetbutton").addEventListener("click", toggleTarget);
  scrub.addEventListener("input", () => { pause(); show(Number(scrub.value)); });
  stage.addEventListener("pointermove", (event) => {
    if (!compares) return;
    const box = stage.getBoundingClientRect();
    split = Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
    overlay();
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SELECT") return;
    const actions = {
      " ": toggle, m: toggleMask, t: toggleTarget,
      arrowright: () => { pause(); show(step + 1); }, arrowleft: () => { pause(); show(step - 1); },
      home: () => { pause(); show(0); }, end: () => { pause(); show(last); },
    };
    const action = actions[event.key.toLowerCase()];
    if (action) { event.preventDefault(); action(); }
  });

  // A link such as index.html#7 opens at that step; otherwise the finished picture greets.
  const wanted = location.hash === "" ? NaN : Number(location.hash.slice(1));
  step = Number.isInteger(wanted) && wanted >= 0 && wanted <= last ? wanted : last;
  show(step, "instant");
})();
