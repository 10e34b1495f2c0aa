// The column beside the pictures, the progress above them, and messages.

import { clock, element } from "/views.js";

const byId = (id) => document.getElementById(id);
const KEYS = [
  ["⏎", "accept"], ["a–z", "rename"], ["⌫", "reject"], ["→ ←", "skip, back"], ["Ctrl Z", "undo"], ["Space", "blink"], ["/", "filters"], ["?", "all keys"],
];
const GRID_KEYS = [
  ["arrows", "move"], ["Space", "choose"], ["Ctrl A", "choose all"], ["⏎", "accept chosen"], ["a–z", "rename chosen"], ["⌫", "reject chosen"],
  ["PgDn", "next page"], ["?", "all keys"],
];

// The label that holds, and its state: "" (the machine's), accept, correct or reject.
export function shownOf(pair) {
  const said = pair.pending ?? pair.decision;
  const machine = pair.machine || (pair.unsure ? `(unsure: ${pair.raw}?)` : "(nothing)");
  if (!said) return { text: machine, state: "" };
  const text = said.text ?? said.stored;
  return { text: text || machine, state: said.verdict };
}

// `numChosen`: how many pairs of a grid a decision would be about.
export function showPair(pair, state, pairs, numChosen = 0) {
  byId("side").hidden = false;
  const isNothing = !pair;
  for (const id of ["naming", "details", "source", "label"]) byId(id).hidden = isNothing;
  byId("place").textContent = isNothing ? "" : `${(state.at + 1).toLocaleString("en")} of ${pairs.length.toLocaleString("en")} in this list`;
  for (const id of ["accept", "reject", "skip"]) byId(id).disabled = isNothing;
  drawKeys(state.view === "grid" ? GRID_KEYS : KEYS);
  if (isNothing) return;
  const shown = shownOf(pair);
  byId("label").textContent = shown.text;
  byId("label").className = shown.state || (pair.machine ? "" : "none");
  byId("source").textContent = sourceOf(pair);
  showAction(pair, "", numChosen);
  const rows = [["video", pair.uri || pair.video_id], ["step", pair.time_s === undefined ? "" : `${pair.step}, until ${clock(pair.time_s)}`]];
  if (pair.raw && pair.raw !== pair.machine) rows.push(["its words", pair.raw]);
  for (const [labeler, text] of Object.entries(pair.answers)) rows.push([labeler, text || "(nothing)", text !== pair.machine]);
  if (pair.decision?.instruction && pair.decision.instruction !== pair.decision.stored) rows.push(["typed", pair.decision.instruction]);
  if (pair.decision?.note) rows.push(["note", pair.decision.note]);
  if (pair.history.length > 1) rows.push(["earlier", pair.history.slice(0, -1).join("; ")]);
  rows.push(["id", pair.pair_id]);
  byId("details").replaceChildren(...rows.filter(([, text]) => text).flatMap(([name, text, differs]) => [
    element("dt", { textContent: name }), element("dd", { textContent: text, className: differs ? "differs" : "" })]));
}

// What Enter and the button would do; `typed`: the label that would be chosen, empty for none.
export function showAction(pair, typed, numChosen) {
  const shown = shownOf(pair);
  const guess = pair.machine || (pair.unsure ? pair.raw : shown.text);
  const accepted = `“${shown.state === "reject" || !shown.state ? guess : shown.text}”`;
  byId("accept").firstChild.textContent = typed
    ? `Save “${typed}”${numChosen ? ` for ${numChosen} chosen` : ""} `
    : `Accept ${numChosen ? `${numChosen} chosen` : accepted} `;
}

function sourceOf(pair) {
  const machine = `${pair.labeler}, confidence ${pair.confidence.toFixed(2)}`;
  const said = pair.pending ? { ...pair.pending, reviewer: "you" } : pair.decision;
  if (!said) return machine;
  const done = { accept: "accepted", correct: "corrected", reject: "rejected" }[said.verdict];
  const mask = pair.decision?.mask_sha256 ? ", mask painted" : "";
  return `${done} by ${said.reviewer}${mask}; machine: ${pair.machine || "(nothing)"} (${machine})`;
}

function drawKeys(keys) {
  byId("keys").replaceChildren(...keys.flatMap(([key, text]) => [element("kbd", { textContent: key }), ` ${text}  `]));
}

export function showProgress(state, pairs, progress) {
  const done = progress.pairs - progress.open;
  for (const name of ["accept", "correct", "reject"]) {
    const share = progress.pairs ? progress[name] / progress.pairs : 0;
    document.querySelector(`#progress .${name}`).style.width = `${100 * share}%`;
  }
  byId("progress").title = `${progress.accept} accepted, ${progress.correct} corrected, ${progress.reject} rejected`;
  const session = state.numDecided ? `, ${state.numDecided} now` : "";
  byId("counts").textContent = `${done.toLocaleString("en")} of ${progress.pairs.toLocaleString("en")} decided${session}`;
}

export function showMessage(text, isCalm = false) {
  byId("message").textContent = text;
  byId("message").className = isCalm ? "calm" : "";
  byId("message").hidden = !text;
}
