// From a few letters to a label: matches in the vocabulary, several words after commas, or free text.

import { ask } from "/api.js";

const MAX_MATCHES = 7;

// Labels that fit what is typed, best first; the last one is what was typed, as it is.
export function matches(typed, words) {
  const parts = typed.split(",");
  const last = parts.pop().trim().toLowerCase();
  const before = parts.map((part) => part.trim()).filter(Boolean);
  if (!last && !before.length) return [];
  const rank = (word) => (word.startsWith(last) ? 0 : word.includes(` ${last}`) ? 1 : word.includes(last) ? 2 : 3);
  const found = last
    ? words.filter((word) => rank(word) < 3 && !before.includes(word)).sort((a, b) => rank(a) - rank(b))
    : [];
  const labels = found.slice(0, MAX_MATCHES).map((word) => [...before, word].join(", "));
  const free = [...before, last].filter(Boolean).join(", ");
  return labels.includes(free) ? labels : [...labels, free];
}

function describeReading(label, { stored, left_out: leftOut, new_words: newWords, problem }) {
  if (problem) return problem;
  const said = [
    stored === label ? "" : `stored as “${stored}”`,
    leftOut.length ? `left out: ${leftOut.join(", ")}` : "",
    newWords.length ? `not in the vocabulary: ${newWords.join(", ")}` : "",
  ];
  return said.filter(Boolean).join("; ");
}

export class Naming {
  // `onChosen(label, note)` is called with the label, or with "" to accept what is shown;
  // `onRejected(note)` where the pair is rejected; `onTyped()` when what would be chosen changed.
  constructor({ onChosen, onRejected, onTyped, onLeft }) {
    this.typed = document.getElementById("typed");
    this.note = document.getElementById("note");
    this.list = document.getElementById("matches");
    this.reading = document.getElementById("reading");
    this.words = [];
    Object.assign(this, { onChosen, onRejected, onTyped, onLeft });
    this.typed.addEventListener("input", () => this.update());
    this.typed.addEventListener("keydown", (event) => this.key(event));
    this.note.addEventListener("keydown", (event) => {
      if (event.key === "Enter") { event.preventDefault(); this.choose(this.label); }
      if (event.key === "Delete" && event.ctrlKey) { event.preventDefault(); this.reject(); }
      if (event.key === "Escape") this.leave();
      event.stopPropagation();
    });
  }

  // The label that would be chosen now; empty where nothing is typed.
  get label() { return this.found?.[this.at] ?? ""; }

  update() {
    this.found = matches(this.typed.value, this.words);
    this.at = 0;
    this.draw();
  }

  draw() {
    this.list.replaceChildren(...this.found.map((label, i) => {
      const item = document.createElement("li");
      item.textContent = this.words.includes(label) || i < this.found.length - 1 ? label : `“${label}” as typed`;
      item.className = item.textContent === label ? "" : "free";
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", String(i === this.at));
      item.addEventListener("mousedown", (event) => { event.preventDefault(); this.choose(label); });
      return item;
    }));
    this.onTyped();
    this.showReading(this.label);
  }

  // What is stored of a label that is no word of the vocabulary, before it is chosen.
  async showReading(label) {
    this.asked = label;
    if (!label || this.words.includes(label)) { this.reading.textContent = ""; return; }
    const answer = await ask(`/api/reading?text=${encodeURIComponent(label)}`).catch(() => undefined);
    if (!answer || this.asked !== label) return;
    this.reading.textContent = describeReading(label, answer);
    this.reading.classList.toggle("differs", Boolean(answer.problem || answer.left_out.length || answer.new_words.length));
  }

  key(event) {
    event.stopPropagation();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && this.found?.length) {
      event.preventDefault();
      this.at = (this.at + step + this.found.length) % this.found.length;
      this.draw();
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.choose(event.shiftKey ? this.typed.value.trim() : this.label);
    } else if (event.key === "Delete" && event.ctrlKey) {
      event.preventDefault();
      this.reject();
    } else if (event.key === "Escape") {
      this.leave();
    }
  }

  choose(label) {
    const note = this.note.value.trim();
    this.leave();
    this.onChosen(label, note);
  }

  // The pair is rejected; a note goes with it, a label that was begun does not.
  reject() {
    const note = this.note.value.trim();
    this.leave();
    this.onRejected(note);
  }

  leave() {
    this.clear();
    this.typed.blur();
    this.note.blur();
    this.onLeft();
  }

  clear() {
    this.typed.value = this.note.value = "";
    this.found = [];
    this.draw();
  }
}
