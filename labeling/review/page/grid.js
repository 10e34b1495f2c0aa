// Several pairs at once: what most of them have in common is accepted in one go, the odd ones are picked out.

import { element } from "/views.js";

const ROW_HEIGHT = 158, MIN_WIDTH = 270, GAP = 10;

export class Grid {
  constructor() { this.chosen = new Set(); }

  // How many tiles fit, so that nothing has to be scrolled.
  measure(stage) {
    this.columns = Math.max(1, Math.floor((stage.clientWidth - 26 + GAP) / (MIN_WIDTH + GAP)));
    const rows = Math.max(1, Math.floor((stage.clientHeight - 26 + GAP) / (ROW_HEIGHT + GAP)));
    this.size = Math.min(48, this.columns * rows);
  }

  pageOf(place) { return Math.floor(place / this.size) * this.size; }

  async open(stage, pairs, place, textOf, onPicked) {
    this.measure(stage);
    const first = this.pageOf(place);
    if (this.first !== first || this.pairs !== pairs.pairs) this.chosen.clear();
    Object.assign(this, { first, pairs: pairs.pairs });
    await pairs.at(first, this.size);
    const places = [];
    for (let i = first; i < Math.min(first + this.size, pairs.length); i += 1) places.push(i);
    const found = await Promise.all(places.map(async (i) => [i, await pairs.at(i), await pairs.picturesAt(i)]));
    if (this.first !== first) return;
    this.tiles = new Map(found.map(([i, pair, pictures]) => {
      const row = element("div", { className: "row" });
      if (pictures) row.append(pictures.current.cloneNode(), pictures.masked);
      const tile = element("article", { dataset: { place: i } }, row,
        element("footer", {}, element("b"), element("span", { className: "quiet", textContent: pair.confidence.toFixed(2) })));
      tile.addEventListener("click", () => onPicked(i));
      return [i, tile];
    }));
    stage.replaceChildren(element("div", { className: "tiles" }, ...this.tiles.values()));
    this.mark(place, textOf);
  }

  // Labels and frames as they are now.
  mark(place, textOf) {
    for (const [i, tile] of this.tiles ?? []) {
      const pair = this.pairs.get(i);
      const { text, state } = textOf(pair);
      tile.className = ["tile", state, i === place ? "at" : "", this.chosen.has(i) ? "chosen" : ""].join(" ");
      tile.querySelector("b").textContent = text;
    }
  }

  toggle(place) { if (!this.chosen.delete(place)) this.chosen.add(place); }

  chooseAll() { this.chosen = new Set(this.chosen.size === this.tiles.size ? [] : this.tiles.keys()); }

  // The places a decision is about: those chosen, else the one that is marked.
  places(place) { return this.chosen.size ? [...this.chosen].sort((a, b) => a - b) : [place]; }
}
