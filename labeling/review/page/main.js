// The review page: state, what keys do, and what is on screen.

import { ask, Writer } from "/api.js";
import { Brush } from "/brush.js";
import { Filters } from "/filters.js";
import { Grid } from "/grid.js";
import { loadMask, maskUrl, Pairs } from "/pairs.js";
import { showAction, showMessage, showPair, showProgress, shownOf } from "/side.js";
import { Naming } from "/typing.js";
import { agreement, blink, element, sideBySide, slider } from "/views.js";

const VIEWS = ["side", "blink", "slider", "mask", "grid", "agreement"];
const SINGLE = { side: sideBySide, blink, slider };
const stage = document.getElementById("stage");
const pairs = new Pairs(), brush = new Brush(), grid = new Grid();
const state = { at: 0, view: "side", undo: [], numDecided: 0, share: 0.5 };
const filters = new Filters((filter) => open(filter));
const naming = new Naming({
  onChosen: (label, note) => decide({ label, note }),
  onRejected: (note) => decide({ verdict: "reject", note }),
  onTyped: () => { const pair = pairs.pairs?.get(state.at); if (pair) showAction(pair, naming.label, numChosen()); },
  onLeft: () => stage.focus(),
});
const help = document.getElementById("help");
const writer = new Writer((waiting, problem) => {
  document.body.dataset.waiting = waiting;
  if (problem) showMessage(`Not saved yet (${waiting}): ${problem}. It is tried again; leave this page open.`);
  else if (state.hasProblem) showMessage("");
  state.hasProblem = Boolean(problem);
});
let stop, sliding, drawn = 0;

async function open(filter) {
  state.filter = filter;
  showProgress(state, pairs, await pairs.open(filter));
  // Places of other lists mean nothing in this one.
  state.at = 0;
  await draw();
}

// Shows the pair at the current place; pictures that were fetched ahead are there at once.
async function draw() {
  const number = ++drawn;
  stop?.();
  stop = sliding = undefined;
  document.body.className = { grid: "grid", agreement: "wide" }[state.view] ?? "";
  for (const tab of document.querySelectorAll("#views button")) {
    tab.setAttribute("aria-selected", String(tab.dataset.view === state.view));
  }
  if (state.view === "agreement") {
    const found = await ask("/api/agreement");
    if (number === drawn) agreement(stage, found);
    return;
  }
  // The first pair does not wait for those after it.
  const pair = await pairs.at(state.at, state.view === "grid" ? undefined : 1);
  if (!pair) { if (number === drawn) drawNothing(); return; }
  if (state.view === "grid") {
    await grid.open(stage, pairs, state.at, shownOf, (place) => go(place));
  } else {
    const pictures = await pairs.picturesAt(state.at);
    if (number !== drawn) return;
    if (!pictures) stage.replaceChildren(element("p", { className: "empty", textContent: pair.problem }));
    else if (state.view === "mask") brush.open(stage, pair, pictures, machineMask);
    else {
      const made = SINGLE[state.view](stage, pair, pictures, state);
      if (state.view === "slider") sliding = made;
      else stop = made;
    }
  }
  if (number !== drawn) return;
  showPair(pair, state, pairs, numChosen());
  document.body.dataset.pair = pair.pair_id;
  const keep = state.view === "grid" ? 3 * grid.size : undefined;
  const from = state.view === "grid" ? grid.first + grid.size - 1 : state.at;
  // What was asked for is on screen before the next is worked on.
  afterPaint(() => { if (number === drawn) pairs.prefetch(from, keep).catch(() => {}); });
}

// A page in the background paints nothing, so it is not waited for longer than a moment.
function afterPaint(action) {
  let isDone = false;
  const once = () => { if (!isDone) { isDone = true; action(); } };
  requestAnimationFrame(() => setTimeout(once));
  setTimeout(once, 150);
}

function numChosen() { return state.view === "grid" ? grid.chosen.size : 0; }

function drawNothing() {
  stage.replaceChildren(element("p", {
    className: "empty",
    textContent: pairs.length
      ? "That was the last pair of this list. Choose other filters with /, or go back with ←."
      : "No pair fits these filters. Change them with /.",
  }));
  showPair(undefined, state, pairs);
  document.body.dataset.pair = "";
}

function go(place) {
  if (brush.isPainted && place !== state.at) {
    showMessage("The painted mask is not saved: Enter saves it, Esc discards it.");
    return;
  }
  brush.close();
  const last = state.view === "grid" ? pairs.length - 1 : pairs.length;
  state.at = Math.min(Math.max(0, place), Math.max(0, last));
  naming.clear();
  if (state.view === "grid" && grid.pageOf(state.at) === grid.first && grid.pairs === pairs.pairs) {
    grid.mark(state.at, shownOf);
    const pair = pairs.pairs.get(state.at);
    showPair(pair, state, pairs, numChosen());
    document.body.dataset.pair = pair.pair_id;
  } else draw();
}

// What was decided about the current pair, or about all that are chosen in the grid.
function decide({ label = "", verdict = "", note = "" }) {
  const places = state.view === "grid" ? grid.places(state.at) : [state.at];
  const about = places.map((place) => [place, pairs.pairs.get(place)]).filter(([, pair]) => pair && !pair.problem);
  if (!about.length || state.view === "agreement") return;
  const mask = brush.isPainted && verdict !== "reject" ? { isOfMachine: brush.isOfMachine, bits: brush.isOfMachine ? null : brush.bits() } : undefined;
  const said = about.map(([place, pair]) => ({ place, pair, before: pair.decision, ...decisionOf(pair, label, verdict), note }));
  const empty = said.find(({ verdict: v, corrected }) => !v && !corrected);
  if (empty) { showMessage("The machine named nothing here: type a label, or reject the pair."); return; }
  for (const { pair, verdict: v, corrected } of said) pair.pending = { verdict: v || "correct", text: corrected || pair.machine };
  const save = () => writer.send(
    () => ({ decisions: said.map(({ pair, verdict: v, corrected }) => ({
      pair_id: pair.pair_id, content_hash: pair.content_hash, label_hash: pair.label_hash,
      seen: pair.decision?.revision ?? "", verdict: v, corrected, note,
      ...(mask ? { mask: mask.bits, machine_mask: mask.isOfMachine } : {}),
    })) }),
    (answer) => {
      state.undo.push(said);
      state.numDecided += said.length;
      taken(said, answer);
    },
    (error) => refused(said, error),
  );
  // It counts as waiting from now on, and is sent when the next pair is on screen.
  writer.expect();
  afterPaint(save);
  showMessage("");
  brush.close();
  if (state.view === "grid") {
    grid.chosen.clear();
    const next = [...grid.tiles.keys()].find((place) => shownOf(pairs.pairs.get(place)).state === "");
    go(next ?? Math.min(grid.first + grid.size, pairs.length - 1));
  } else {
    if (state.view === "mask") state.view = "side";
    go(state.at + 1);
  }
}

// Accepting is about the label that is shown: the machine's, or the one that a person gave.
function decisionOf(pair, label, verdict) {
  if (verdict === "reject") return { verdict, corrected: "" };
  const shown = pair.pending ?? pair.decision;
  const text = label || (shown && shown.verdict !== "reject" ? shown.text ?? shown.instruction : pair.machine || (pair.unsure ? pair.raw : ""));
  return text === pair.machine ? { verdict: text ? "accept" : "", corrected: "" } : { verdict: "", corrected: text };
}

function taken(said, answer) {
  for (const { place, pair } of said) {
    const before = pair.decision?.mask_sha256;
    pair.decision = answer.decisions[pair.pair_id];
    delete pair.pending;
    if (before !== pair.decision?.mask_sha256) pairs.forget(place);
  }
  showProgress(state, pairs, answer.progress);
  refreshShown(said);
}

function refused(said, error) {
  for (const { pair } of said) {
    delete pair.pending;
    const problem = error.answer?.problems?.find(({ pair_id }) => pair_id === pair.pair_id);
    if (problem?.now) Object.assign(pair, problem.now);
  }
  showMessage(`Nothing was saved: ${error.message}`);
  said.forEach(({ place }) => pairs.forget(place));
  state.at = said[0].place;
  draw();
}

function refreshShown(said) {
  if (state.view === "grid") grid.mark(state.at, shownOf);
  if (said.some(({ place }) => place === state.at)) showPair(pairs.pairs.get(state.at), state, pairs);
}

function undo() {
  if (brush.isPainted) { brush.undoStroke(); return; }
  if (Number(document.body.dataset.waiting)) { setTimeout(undo, 30); return; }
  const said = state.undo.pop();
  if (!said) { showMessage("Nothing to undo since this page was opened.", true); return; }
  const known = pairs.pairs.get(said[0].place) === said[0].pair;
  writer.send(
    () => ({ restored: said.map(({ pair, before }) => ({
      pair_id: pair.pair_id, content_hash: pair.content_hash, seen: pair.decision?.revision ?? "", to: before?.revision ?? "",
    })) }),
    (answer) => {
      state.numDecided -= said.length;
      taken(said, answer);
      showMessage(`Undone: ${said.map(({ pair }) => shownOf(pair).text).slice(0, 4).join(", ")} again.`, true);
      if (known) { state.at = said[0].place; draw(); }
    },
    (error) => { if (known) refused(said, error); else showMessage(`Not undone: ${error.message}`); },
  );
}

async function machineMask() { brush.setMachine(await loadMask(maskUrl(brush.pair, true))); }

function setView(view) {
  if (view === state.view) return;
  if (state.view === "mask" && brush.isPainted) { showMessage("The painted mask is not saved: Enter saves it, Esc discards it."); return; }
  brush.close();
  state.view = view;
  if (view === "grid") state.at = Math.min(state.at, Math.max(0, pairs.length - 1));
  draw();
}

function escape() {
  showMessage("");
  if (state.view === "mask") { brush.close(); setView("side"); }
  grid.chosen.clear();
  if (state.view === "grid") go(state.at);
}

// Keys that mean something else in one view than in the others.
const IN_VIEW = {
  slider: { ArrowUp: () => sliding?.move(-0.04), ArrowDown: () => sliding?.move(0.04) },
  mask: {
    Tab: () => brush.toggle(), "+": () => brush.resize(1), "=": () => brush.resize(1), "-": () => brush.resize(-1),
    0: () => machineMask(),
  },
  grid: {
    ArrowUp: () => go(state.at - grid.columns), ArrowDown: () => go(state.at + grid.columns),
    " ": () => { grid.toggle(state.at); go(state.at + 1); },
    PageDown: () => go(grid.first + grid.size), PageUp: () => go(grid.first - grid.size),
  },
};
const ALWAYS = {
  Enter: () => decide({}), Delete: () => decide({ verdict: "reject" }), Backspace: () => decide({ verdict: "reject" }),
  ArrowRight: () => go(state.at + 1), ArrowLeft: () => go(state.at - 1), Escape: escape, "/": () => filters.focus(),
  " ": () => setView(state.view === "blink" ? "side" : "blink"), Tab: () => naming.typed.focus(),
  Home: () => go(0), "?": () => help.showModal(),
};

document.addEventListener("keydown", (event) => {
  if (help.open || event.target.matches?.("input, select")) return;
  const isCommand = event.ctrlKey || event.metaKey;
  if (isCommand && event.key.toLowerCase() === "z") { event.preventDefault(); undo(); return; }
  if (isCommand && event.key.toLowerCase() === "a" && state.view === "grid") {
    event.preventDefault(); grid.chooseAll(); go(state.at); return;
  }
  if (isCommand || event.altKey) return;
  const action = IN_VIEW[state.view]?.[event.key] ?? ALWAYS[event.key];
  if (action) { event.preventDefault(); action(); } else if (VIEWS[Number(event.key) - 1]) setView(VIEWS[Number(event.key) - 1]);
  else if (/^\p{L}$/u.test(event.key) && state.view !== "agreement") naming.typed.focus(); // the letter goes into it
});
document.getElementById("views").addEventListener("click", (event) => {
  const tab = event.target.closest("button");
  if (tab) { setView(tab.dataset.view); tab.blur(); }
});
for (const [id, action] of Object.entries({
  // What stands in the fields counts for the buttons as it does for the keys.
  accept: () => naming.choose(naming.label), reject: () => naming.reject(), back: () => go(state.at - 1), skip: () => go(state.at + 1), undo,
})) document.getElementById(id).addEventListener("click", (event) => { event.currentTarget.blur(); action(); });
window.addEventListener("beforeunload", (event) => {
  if (writer.numWaiting || brush.isPainted) event.preventDefault();
});
window.addEventListener("resize", () => { if (state.view === "grid" || state.view === "slider") draw(); });

const [start] = await Promise.all([ask("/api/start"), open(filters.value())]);
naming.words = start.vocabulary;
filters.setWords(start.words);
document.title = `Review of ${start.dataset}`;
document.getElementById("dataset").textContent = start.dataset;
document.getElementById("who").textContent = `as ${start.reviewer}`;
document.body.dataset.ready = "yes";
