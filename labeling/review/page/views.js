// How one pair is shown: side by side, blinking, behind a slider; and the agreement tables.

const BLINK_MS = 550, DIM = "rgba(14, 14, 18, 0.74)";

export function element(name, properties = {}, ...children) {
  const { dataset, ...rest } = properties;
  const made = Object.assign(document.createElement(name), rest);
  Object.assign(made.dataset, dataset);
  made.append(...children);
  return made;
}

// The next canvas with everything that is not masked dimmed; drawn into `canvas`.
export function drawMasked(canvas, image, mask) {
  const [width, height] = [mask.width, mask.height];
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  context.globalCompositeOperation = "copy";
  context.fillStyle = DIM;
  context.fillRect(0, 0, width, height);
  context.globalCompositeOperation = "destination-out";
  context.drawImage(mask, 0, 0);
  context.globalCompositeOperation = "destination-over";
  context.drawImage(image, 0, 0, width, height);
  return canvas;
}

export function figure(title, detail, ...pictures) {
  return element("figure", {}, element("div", { className: "picture" }, ...pictures),
    element("figcaption", {}, element("b", { textContent: title }), detail ? ` ${detail}` : ""));
}

function show(image) {
  // A picture may stand in several places at once, and an element in one only.
  const copy = image.cloneNode();
  copy.decoding = "sync";
  return copy;
}

export function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export function sideBySide(stage, pair, pictures) {
  const before = Math.max(0, pair.time_s - pair.interval_s);
  const painted = pair.decision?.mask_sha256 ? "painted by hand" : "by the machine";
  stage.replaceChildren(element("div", { className: "panels" },
    figure("Current", clock(before), show(pictures.current)),
    figure("Next", `${clock(pair.time_s)}, ${pair.interval_s.toFixed(1)} s later`, show(pictures.next)),
    figure("Target", "the finished painting", show(pictures.target)),
    figure("Mask", painted, pictures.masked)));
}

export function blink(stage, pair, pictures) {
  const [first, second] = [show(pictures.current), show(pictures.next)];
  const shown = figure("Current", "", first, second);
  stage.replaceChildren(element("div", { className: "single" }, shown));
  const name = shown.querySelector("b");
  let isNext = false;
  const turn = () => {
    isNext = !isNext;
    second.style.visibility = isNext ? "visible" : "hidden";
    name.textContent = isNext ? "Next" : "Current";
  };
  turn();
  const timer = setInterval(turn, BLINK_MS);
  return () => clearInterval(timer);
}

// Left of the line is the current canvas, right of it the next; arrows or the pointer move it.
export function slider(stage, pair, pictures, state) {
  const [first, second] = [show(pictures.next), show(pictures.current)];
  const line = element("div", { className: "slider-line" });
  const shown = figure("Current | Next", "↑ ↓ or the pointer move the line", first, second, line);
  stage.replaceChildren(element("div", { className: "single" }, shown));
  const box = shown.querySelector(".picture");
  const place = (share) => {
    state.share = Math.min(1, Math.max(0, share));
    // The picture is centred in its box; the line stays within the picture.
    const width = Math.min(box.clientWidth, box.clientHeight * (first.naturalWidth / first.naturalHeight));
    const x = (box.clientWidth - width) / 2 + width * state.share;
    second.style.clipPath = `inset(0 ${box.clientWidth - x}px 0 0)`;
    line.style.left = `${x - 1}px`;
    return { width, left: (box.clientWidth - width) / 2 };
  };
  const { width, left } = place(state.share ?? 0.5);
  box.addEventListener("pointermove", (event) => {
    place((event.clientX - box.getBoundingClientRect().left - left) / width);
  });
  return { move: (step) => place(state.share + step) };
}

const percent = (share) => `${Math.round(share * 100)} %`;

export function agreement(stage, found) {
  const table = (names, rows) => element("table", {},
    element("thead", {}, element("tr", {}, ...names.map((name, i) => element("th", { textContent: name, className: i > 1 ? "number" : "" })))),
    element("tbody", {}, ...rows.map((row) => element("tr", {},
      ...row.map((cell, i) => element("td", { textContent: cell, className: i > 1 ? "number" : "" }))))));
  const between = (rows, none) => (rows.length
    ? table(["", "", "pairs", "same label", "a word in common", "kappa"], rows.map((row) => [row.first, row.second,
      row.num_pairs, percent(row.same), percent(row.overlap), row.kappa === null ? "–" : row.kappa.toFixed(2)]))
    : element("p", { className: "quiet", textContent: none }));
  const title = (text) => element("h2", { textContent: text });
  stage.replaceChildren(element("div", { className: "agreement" },
    title("Machine and people"),
    between(found.machine_and_humans, "Nobody decided about a pair yet."),
    ...(found.bins.length ? [title("How far its confidence is right"),
      table(["confidence from", "to", "decided pairs", "machine kept"],
        found.bins.map((bin) => [bin.low.toFixed(1), bin.high.toFixed(1), bin.num_pairs, percent(bin.right)]))] : []),
    ...(found.confusions.length ? [title("What people changed most"), table(["machine", "people", "times"],
      found.confusions.map((row) => [row.machine || "(nothing)", row.human, row.count]))] : []),
    title("Between labelers"), between(found.labelers, "One labeler was asked so far."),
    title("Between reviewers"), between(found.humans, "No two people looked at the same pair."),
    element("p", { className: "quiet", textContent: "Same label: the normal forms are equal. Kappa takes off what chance would give (1: always the same, 0: as by chance)." })));
}
