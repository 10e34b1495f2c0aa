// The mask corrected with a brush. The draft is a canvas whose alpha is what the mask will be.

import { drawMasked, element, figure } from "/views.js";

const MAX_STROKES = 30;

export class Brush {
  constructor() {
    this.size = 24;
    this.isErasing = false;
  }

  // Starts from the mask that holds, unless this pair was being painted already.
  open(stage, pair, pictures, onChange) {
    if (this.pair !== pair) {
      this.pair = pair;
      this.reset(pictures.mask);
    }
    Object.assign(this, { pictures, onChange });
    this.canvas = element("canvas", { className: "brush" });
    this.canvas.addEventListener("pointerdown", (event) => this.begin(event));
    this.canvas.addEventListener("pointermove", (event) => this.move(event));
    this.canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    this.tools = element("div", { className: "tools" });
    stage.replaceChildren(element("div", { className: "single" },
      figure("Mask", "drag paints, Shift or the right button erases", this.canvas), this.tools));
    this.draw();
  }

  reset(mask) {
    const canvas = element("canvas", { width: mask.width, height: mask.height });
    this.context = canvas.getContext("2d", { willReadFrequently: true });
    this.context.drawImage(mask, 0, 0);
    this.strokes = [];
    this.isOfMachine = false;
  }

  // The machine's mask again, as one step that undo takes back.
  setMachine(mask) {
    this.remember();
    this.context.globalCompositeOperation = "copy";
    this.context.drawImage(mask, 0, 0);
    this.isOfMachine = true;
    this.draw();
  }

  get isPainted() { return this.strokes?.length > 0; }

  close() { this.pair = undefined; this.strokes = []; this.isOfMachine = false; }

  remember() {
    const { width, height } = this.context.canvas;
    this.strokes.push({ pixels: this.context.getImageData(0, 0, width, height), isOfMachine: this.isOfMachine });
    if (this.strokes.length > MAX_STROKES) this.strokes.splice(1, 1); // the first one is where it began
  }

  undoStroke() {
    const last = this.strokes.pop();
    this.context.putImageData(last.pixels, 0, 0);
    this.isOfMachine = last.isOfMachine;
    this.draw();
  }

  resize(step) { this.size = Math.min(200, Math.max(3, Math.round(this.size * (step > 0 ? 1.25 : 0.8)))); this.draw(); }

  toggle() { this.isErasing = !this.isErasing; this.draw(); }

  begin(event) {
    event.preventDefault();
    this.canvas.setPointerCapture(event.pointerId);
    this.remember();
    this.isOfMachine = false;
    this.last = this.point(event);
    this.stroke(this.last, event);
  }

  move(event) {
    if (event.buttons && this.last) this.stroke(this.point(event), event);
  }

  // From the page to pixels of the mask: the picture is centred in its box.
  point(event) {
    const box = this.canvas.getBoundingClientRect();
    const { width, height } = this.canvas;
    const scale = Math.min(box.width / width, box.height / height);
    return {
      x: (event.clientX - box.left - (box.width - width * scale) / 2) / scale,
      y: (event.clientY - box.top - (box.height - height * scale) / 2) / scale,
    };
  }

  stroke(to, event) {
    const isErasing = this.isErasing !== (event.shiftKey || (event.buttons & 2) > 0);
    const { context } = this;
    context.globalCompositeOperation = isErasing ? "destination-out" : "source-over";
    Object.assign(context, { lineCap: "round", lineWidth: this.size, strokeStyle: "#fff" });
    context.beginPath();
    context.moveTo(this.last.x, this.last.y);
    context.lineTo(to.x, to.y + 0.01);
    context.stroke();
    this.last = to;
    this.draw();
  }

  draw() {
    drawMasked(this.canvas, this.pictures.next, this.context.canvas);
    const button = (text, key, pressed, action) => {
      const made = element("button", { type: "button", onclick: action }, text, " ", element("kbd", { textContent: key }));
      if (pressed !== undefined) made.setAttribute("aria-pressed", String(pressed));
      return made;
    };
    this.tools.replaceChildren(
      button("Paint", "Tab", !this.isErasing, () => { this.isErasing = false; this.draw(); }),
      button("Erase", "Tab", this.isErasing, () => { this.isErasing = true; this.draw(); }),
      element("span", {}, element("kbd", { textContent: "−" }), ` ${this.size} px `, element("kbd", { textContent: "+" })),
      button("Machine's mask", "0", undefined, () => this.onChange("machine")),
      element("span", { className: "quiet", textContent: this.isPainted ? "Enter saves mask and label, Esc discards" : "" }));
  }

  // One bit a pixel, rows joined, first pixel highest, in base64.
  bits() {
    const { width, height } = this.context.canvas;
    const { data } = this.context.getImageData(0, 0, width, height);
    const bytes = new Uint8Array(Math.ceil((width * height) / 8));
    for (let i = 0; i < width * height; i += 1) if (data[4 * i + 3] > 127) bytes[i >> 3] |= 128 >> (i & 7);
    let text = "";
    for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
    return btoa(text);
  }
}
