"use strict";
(() => {
  const data = JSON.parse(document.getElementById("session").textContent);
  const at = (id) => document.getElementById(id);
  const stage = at("stage"), under = at("under"), over = at("over"), mask = at("mask");
  const target = at("target"), wipe = at("wipe"), scrub = at("scrub"), strip = at("strip");
  const last = data.steps.length - 1;
  const STEP_MS = 1100, END_MS = 3200;
  const PLAY = "M8 5.5v13l11-6.5z", PAUSE = "M7 5.5h3.4v13H7zM13.6 5.5H17v13h-3.4z";
  // A film of strokes, and the seconds at which each step of it ends; null where steps are slides.
  let film = at("film"), ends = data.film;
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
    word.textContent = index === 0 ? "canvas" : (item.word || "no word") + (item.finish ? " ◦" : "");
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
    if (film) seek(step === 0 ? 0 : ends[step - 1]);
    describe(before, behavior);
  }

  function describe(before, behavior) {
    const item = data.steps[step];
    // The canvas before lies under the new one, which fades in over it.
    under.src = data.steps[before].image;
    over.style.transition = "none";
    over.style.opacity = before === step ? 1 : 0;
    over.src = item.image;
    void over.offsetWidth;
    over.style.transition = "";
    over.style.opacity = 1;
    at("word").textContent = step === 0 ? "the blank canvas" : (item.word || "no word");
    at("clock").textContent = item.clock;
    at("place").textContent = step === 0 ? "" : "step " + step + " of " + last;
    at("facts").textContent = facts(item);
    if (!film) progress(step, last);
    for (const [place, entry] of [...strip.children].entries()) {
      entry.firstChild.setAttribute("aria-current", place === step);
    }
    const entry = strip.children[step];
    const middle = entry.offsetLeft - strip.offsetLeft - (strip.clientWidth - entry.clientWidth) / 2;
    strip.scrollTo({ left: middle, behavior });
    overlay();
  }

  function progress(value, most) {
    scrub.max = most;
    scrub.value = value;
    scrub.style.setProperty("--done", (100 * value / most) + "%");
  }

  function seek(seconds) {
    // Half a frame further: the frame that begins at this moment, whatever is rounded.
    const to = () => { film.currentTime = Math.min(seconds + 0.016, film.duration || seconds); };
    if (film.readyState > 0) to();
    else film.addEventListener("loadedmetadata", to, { once: true });
    progress(seconds, ends[last - 1]);
  }

  // The step that the film is painting now becomes the step of the page.
  function follow() {
    const painting = ends.findIndex((end) => film.currentTime <= end + 0.02);
    const now = film.currentTime < 0.02 ? 0 : (painting === -1 ? last : painting + 1);
    progress(Math.min(film.currentTime, ends[last - 1]), ends[last - 1]);
    if (now !== step) { const before = step; step = now; describe(before, "smooth"); }
    if (timer !== null) timer = requestAnimationFrame(follow);
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
    if (film) {
      film.playbackRate = Number(at("speed").value);
      film.play();
      timer = requestAnimationFrame(follow);
    }
    at("glyph").setAttribute("d", PAUSE);
    at("play").setAttribute("aria-label", "Pause");
    if (!film) tick();
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
    cancelAnimationFrame(timer);
    if (film) film.pause();
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
  scrub.addEventListener("input", () => {
    pause();
    if (film) { film.currentTime = Number(scrub.value); follow(); } else { show(Number(scrub.value)); }
  });
  at("speed").addEventListener("change", () => { if (film) film.playbackRate = Number(at("speed").value); });
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

  if (film) {
    scrub.step = "any";
    // The page may have been moved away from its film: then the canvases are shown as slides.
    film.addEventListener("error", () => { film.remove(); film = null; scrub.step = 1; show(step); });
  }

  // A link such as index.html#7 opens at that step; otherwise the finished picture greets.
  const wanted = location.hash === "" ? NaN : Number(location.hash.slice(1));
  step = Number.isInteger(wanted) && wanted >= 0 && wanted <= last ? wanted : last;
  show(step, "instant");
})();
