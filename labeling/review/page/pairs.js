// The list of pairs that is worked through, and their pictures: the next ones are fetched and
// decoded before they are asked for.

import { ask } from "/api.js";
import { drawMasked } from "/views.js";

const AHEAD = 6, BEHIND = 3, WINDOW = 4;

export class Pairs {
  async open(filter) {
    const { queue, length, progress } = await ask("/api/queue", filter);
    Object.assign(this, { queue, length, pairs: new Map(), fetching: new Map(), pictures: new Map() });
    return progress;
  }

  // The pair at a place of the list; undefined behind its end.
  async at(place, count = WINDOW) {
    if (place < 0 || place >= this.length) return undefined;
    if (!this.pairs.has(place)) {
      if (!this.fetching.has(place)) {
        const { queue } = this;
        const asked = ask(`/api/pairs?queue=${queue}&start=${place}&count=${count}`).then((answer) => {
          if (queue !== this.queue) return;
          answer.pairs.forEach((pair, i) => {
            if (!this.pairs.has(place + i)) this.pairs.set(place + i, pair);
          });
        }).finally(() => this.fetching.delete(place));
        for (let i = place; i < place + count; i += 1) if (!this.pairs.has(i)) this.fetching.set(i, asked);
        asked.finally(() => { for (let i = place; i < place + count; i += 1) this.fetching.delete(i); }).catch(() => {});
      }
      await this.fetching.get(place);
    }
    return this.pairs.get(place);
  }

  // The decoded pictures of the pair at a place.
  async picturesAt(place) {
    const pair = await this.at(place);
    if (!pair || pair.problem) return undefined;
    if (!this.pictures.has(place)) this.pictures.set(place, loadPictures(pair));
    return this.pictures.get(place);
  }

  // Makes what comes next ready, and lets go of what lies far behind.
  async prefetch(place, keep = AHEAD + BEHIND) {
    for (const known of this.pictures.keys()) {
      if (Math.abs(known - place) > keep) this.pictures.delete(known);
    }
    for (let next = place + 1; next <= place + AHEAD; next += 1) {
      // One after the other: the nearest is needed first.
      await this.picturesAt(next);
    }
  }

  // The mask of a pair changed: its picture is loaded anew when it is shown next.
  forget(place) { this.pictures.delete(place); }
}

export function maskUrl(pair, ofMachine = false) {
  const painted = ofMachine ? "" : pair.decision?.mask_sha256;
  return `/mask/${pair.pair_id}${painted ? `/${painted}` : ""}`;
}

async function loadPictures(pair) {
  const names = ["current", "next", "target"];
  const images = await Promise.all([
    ...names.map((name) => loadImage(`/image/${pair.video_id}/${pair[name]}`)),
    loadMask(maskUrl(pair)),
  ]);
  const [current, next, target, mask] = images;
  return { current, next, target, mask, masked: drawMasked(document.createElement("canvas"), next, mask) };
}

async function loadImage(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image;
}

// A mask as a canvas whose alpha is 255 where the step paints.
export async function loadMask(url) {
  const image = await loadImage(url);
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  const words = new Uint32Array(pixels.data.buffer);
  for (let i = 0; i < words.length; i += 1) words[i] = words[i] & 0x80 ? 0xffffffff : 0;
  context.putImageData(pixels, 0, 0);
  return canvas;
}
