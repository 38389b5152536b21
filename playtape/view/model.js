"use strict";
// What the page knows: one recording at a time, its frames' times, and what each side held in each interval.

class Model {
  constructor(entry) {
    Object.assign(this, entry);
    this.time = Float64Array.from(entry.time_ns); // ns; exact, since 2^53 ns are 104 days
    this.frameCount = this.time.length;
    this.rows = Math.max(0, this.frameCount - 1); // the last frame has no interval
    this.start = this.time[0] / 1e9;
    this.end = entry.end_ns / 1e9;
    this.sides = entry.sides.map((side) => this.unpacked(side));
    this.used = this.buttons.map((_, b) => b).filter((b) => this.sides.some((side) => side.runs[b].length));
    const first = ["key.w", "key.s", "key.a", "key.d"];
    const rank = (b) => (first.includes(this.buttons[b]) ? first.indexOf(this.buttons[b]) : 9);
    this.used.sort((a, b) => rank(a) - rank(b) || a - b);
    this.usedAxes = this.axes.map((_, a) => a).filter((a) => this.sides.some((side) => side.axes[a].some((v) => v)));
    this.differences = this.sides.length > 1 ? this.differing() : null;
  }

  // Runs [start, end) become one byte a frame, so that a frame's state is a look-up.
  unpacked(side) {
    const held = side.runs.map((runs) => {
      const row = new Uint8Array(this.frameCount);
      for (const [start, end] of runs) row.fill(1, start, end);
      return row;
    });
    const probability = (side.probability || []).map((text) => text && bytes(text));
    return { ...side, held, probability };
  }

  // For each frame, how many buttons differ between the two sides.
  differing() {
    const count = new Uint16Array(this.frameCount);
    this.buttons.forEach((_, b) => {
      const [one, other] = this.sides.map((side) => side.held[b]);
      for (let t = 0; t < this.frameCount; t++) count[t] += one[t] !== other[t];
    });
    return count;
  }

  // The frame on the screen at a time in ns: the last one that has been shown by then.
  frameAt(ns) {
    let low = 0,
      high = this.frameCount - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.time[middle] <= ns) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  endOf(t) {
    return t + 1 < this.frameCount ? this.time[t + 1] : this.end_ns;
  }

  // P(held) of a button in a row, or null where it is unknown.
  probability(side, b, t) {
    const row = this.sides[side].probability[b];
    return !row || t >= row.length || row[t] === 255 ? null : row[t] / 254;
  }

  // actions[t] of one side, as names and numbers.
  actions(side, t) {
    const { held, axes } = this.sides[side];
    return {
      held: this.buttons.filter((_, b) => held[b][t]),
      axes: Object.fromEntries(this.axes.map((axis, a) => [axis.name, axes[a][t]])),
    };
  }

  axisIndex(name) {
    return this.axes.findIndex((axis) => axis.name === name);
  }

  // A typical large motion of an axis, for scaling what is drawn.
  reach(a) {
    const sizes = this.sides.flatMap((side) => side.axes[a].filter((v) => v).map(Math.abs)).sort((x, y) => x - y);
    return sizes.length ? sizes[Math.floor(0.99 * (sizes.length - 1))] : 1;
  }

  // The next frame after `from` (or before it) where the sides begin to differ; the same frame if there is none.
  difference(from, step) {
    for (let t = from + step; t > 0 && t < this.rows; t += step) {
      if (this.differences[t] && !this.differences[t - 1]) return t;
    }
    return from;
  }
}

function bytes(base64) {
  const text = atob(base64);
  const array = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) array[i] = text.charCodeAt(i);
  return array;
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// A canvas as sharp as the screen: its context in CSS pixels.
function sharp(canvas, width, height) {
  const scale = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}
