// Lanes over time: in each lane the upper bar is the first side (the truth), the lower bar the second, with P(held) as a line.

const RULER = 20,
  LANE = 26,
  CURVE = 64;
let GUTTER = 92; // left of the lanes: room for the longest name

class Timeline {
  constructor(canvas, overview, model, seek) {
    Object.assign(this, { canvas, overview, model, seek });
    this.frame = 0;
    this.height = RULER + LANE * Math.max(1, model.used.length) + CURVE * model.usedAxes.length + 6;
    canvas.style.height = `${this.height}px`;
    const longest = Math.max(
      9,
      ...[...model.used.map((b) => model.buttons[b]), ...model.usedAxes.map((a) => model.axes[a].name)].map(
        (name) => name.length,
      ),
    );
    GUTTER = Math.min(170, 18 + 7.3 * longest);
    this.reaches = model.usedAxes.map((a) => model.reach(a) * 1.15);
    this.showAll();
    if (this.to - this.from > 20) this.to = this.from + 20;
  }

  showAll() {
    this.from = this.model.start;
    this.to = Math.max(this.model.end, this.model.start + 0.05);
  }

  zoom(factor, at = this.model.time[this.frame] / 1e9) {
    const span = Math.min(this.model.end - this.model.start, Math.max(0.2, (this.to - this.from) * factor));
    const share = (at - this.from) / (this.to - this.from);
    this.place(at - Math.min(1, Math.max(0, share)) * span, span);
  }

  place(from, span = this.to - this.from) {
    this.from = Math.max(this.model.start, Math.min(from, this.model.end - span));
    this.to = this.from + span;
  }

  // Keep the frame in sight while it moves.
  follow(frame) {
    this.frame = frame;
    const now = this.model.time[frame] / 1e9,
      span = this.to - this.from;
    if (now < this.from || now > this.to - 0.02 * span) this.place(now - 0.1 * span);
  }

  x(seconds) {
    return GUTTER + ((seconds - this.from) / (this.to - this.from)) * (this.width - GUTTER);
  }
  seconds(x) {
    return this.from + ((x - GUTTER) / (this.width - GUTTER)) * (this.to - this.from);
  }
  xOf(t) {
    return this.x((t < this.model.frameCount ? this.model.time[t] : this.model.end_ns) / 1e9);
  }

  draw() {
    this.width = this.canvas.getBoundingClientRect().width;
    const context = sharp(this.canvas, this.width, this.height),
      { model } = this;
    this.first = Math.max(0, model.frameAt(this.from * 1e9));
    this.last = Math.min(model.rows, model.frameAt(this.to * 1e9) + 1);
    context.font = "12px system-ui, sans-serif";
    context.textBaseline = "middle";
    this.ruler(context);
    context.save();
    context.beginPath();
    context.rect(GUTTER, 0, this.width - GUTTER, this.height);
    context.clip();
    model.used.forEach((b, lane) => this.lane(context, b, RULER + lane * LANE));
    model.usedAxes.forEach((a, i) => this.curve(context, a, i, RULER + model.used.length * LANE + i * CURVE));
    const now = this.xOf(this.frame);
    context.fillStyle = colour("--accent");
    context.globalAlpha = 0.22;
    context.fillRect(now, 0, Math.max(1, this.xOf(this.frame + 1) - now), this.height);
    context.globalAlpha = 1;
    context.fillRect(now - 0.75, 0, 1.5, this.height);
    context.restore();
    context.fillStyle = colour("--ink");
    context.textAlign = "right";
    model.used.forEach((b, lane) => context.fillText(model.buttons[b], GUTTER - 10, RULER + (lane + 0.5) * LANE));
    model.usedAxes.forEach((a, i) =>
      context.fillText(model.axes[a].name, GUTTER - 10, RULER + model.used.length * LANE + (i + 0.5) * CURVE),
    );
    this.drawOverview();
  }

  ruler(context) {
    const step =
      [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 600].find(
        (s) => (s / (this.to - this.from)) * this.width > 70,
      ) || 1800;
    context.textAlign = "center";
    for (let s = Math.ceil(this.from / step) * step; s <= this.to; s += step) {
      const x = this.x(s);
      context.fillStyle = colour("--line");
      context.fillRect(x, RULER, 1, this.height - RULER);
      context.fillStyle = colour("--faint");
      if (x > GUTTER + 12 && x < this.width - 16)
        context.fillText(step < 1 ? s.toFixed(2) : `${Math.round(s)} s`, x, RULER / 2);
    }
  }

  lane(context, b, top) {
    const { model } = this,
      two = model.sides.length > 1,
      height = two ? (LANE - 5) / 2 : LANE - 8;
    context.fillStyle = colour("--line");
    context.fillRect(GUTTER, top + LANE - 0.5, this.width, 0.5);
    model.sides.forEach((side, s) => {
      const y = top + 2 + s * (height + 1),
        tint = colour(side.label === "predicted" ? "--side-1" : "--side-0");
      this.bars(context, side.runs[b], y, height, () => {
        context.fillStyle = tint;
        context.fill();
      });
      if (two && s === 1) this.errors(context, b, y, height);
      if (side.probability[b]) this.probability(context, s, b, y, height);
    });
  }

  bars(context, runs, y, height, paint) {
    for (const [start, end] of runs) {
      if (end < this.first || start > this.last) continue;
      const x = this.xOf(start),
        width = Math.max(0.8, this.xOf(end) - x);
      context.beginPath();
      context.roundRect(x, y, width, height, Math.min(2, width / 2));
      paint();
    }
  }

  // Where the second side is wrong: filled red where it holds too much, outlined where it misses.
  errors(context, b, y, height) {
    const [truth, side] = this.model.sides.map((one) => one.held[b]);
    context.fillStyle = context.strokeStyle = colour("--wrong");
    context.lineWidth = 1;
    for (let t = this.first; t < this.last; t++) {
      if (truth[t] === side[t]) continue;
      let end = t + 1;
      while (end < this.last && truth[end] === truth[t] && side[end] === side[t]) end++;
      const x = this.xOf(t),
        width = Math.max(0.8, this.xOf(end) - x);
      if (side[t]) context.fillRect(x, y, width, height);
      else context.strokeRect(x + 0.5, y + 0.5, Math.max(0.3, width - 1), height - 1);
      t = end - 1;
    }
  }

  probability(context, s, b, y, height) {
    const { model } = this,
      step = Math.max(1, Math.floor((this.last - this.first) / (2 * this.width)));
    context.beginPath();
    context.moveTo(this.xOf(this.first), y + height);
    for (let t = this.first; t < this.last; t += step) {
      let p = 0; // zoomed out, the largest of the rows under one pixel
      for (let k = t; k < Math.min(t + step, this.last); k++) p = Math.max(p, model.probability(s, b, k) ?? 0);
      context.lineTo(this.xOf(t), y + height * (1 - p));
      context.lineTo(this.xOf(Math.min(t + step, this.last)), y + height * (1 - p));
    }
    context.strokeStyle = colour("--ink");
    context.lineWidth = 0.6;
    context.stroke();
    context.lineTo(this.xOf(this.last), y + height);
    context.closePath();
    context.fillStyle = colour("--shade");
    context.fill();
  }

  curve(context, a, i, top) {
    const { model } = this,
      middle = top + CURVE / 2,
      scale = (CURVE / 2 - 3) / this.reaches[i];
    context.fillStyle = colour("--line");
    context.fillRect(GUTTER, middle, this.width, 0.7);
    model.sides.forEach((side) => {
      context.beginPath();
      context.strokeStyle = colour(side.label === "predicted" ? "--side-1" : "--side-0");
      context.lineWidth = side.label === "predicted" ? 1.2 : 1.8;
      for (let t = this.first; t < this.last; t++) {
        const y = middle - Math.max(-CURVE / 2 + 2, Math.min(CURVE / 2 - 2, side.axes[a][t] * scale));
        if (t === this.first) context.moveTo(this.xOf(t), y);
        else context.lineTo(this.xOf(t), y);
        context.lineTo(this.xOf(t + 1), y);
      }
      context.stroke();
    });
  }

  // How much differs (or is held) in each of `columns` equal parts of the recording; kept until their number changes.
  perColumn(columns) {
    if (this.counted && this.counted.length === columns) return this.counted;
    const { model } = this,
      count = new Float64Array(columns),
      share = columns / (model.end - model.start);
    for (let t = 0; t < model.rows; t++) {
      const column = Math.min(columns - 1, Math.floor((model.time[t] / 1e9 - model.start) * share));
      if (model.differences) count[column] += model.differences[t];
      else for (const b of model.used) count[column] += model.sides[0].held[b][t];
    }
    this.counted = count;
    return count;
  }

  // All of the recording: how much differs (or how much is held), and which part is shown above.
  drawOverview() {
    const { model } = this,
      box = this.overview.getBoundingClientRect(),
      height = 22,
      width = box.width - GUTTER;
    const context = sharp(this.overview, box.width, height),
      columns = Math.max(1, Math.floor(width / 2));
    const span = model.end - model.start,
      count = this.perColumn(columns),
      of = (s) => GUTTER + ((s - model.start) / span) * width;
    const most = Math.max(1e-9, ...count);
    context.fillStyle = colour(model.differences ? "--wrong" : "--side-0");
    context.globalAlpha = 0.75;
    count.forEach((n, c) =>
      context.fillRect(GUTTER + (c * width) / columns, height * (1 - n / most), width / columns, (height * n) / most),
    );
    context.globalAlpha = 0.16;
    context.fillStyle = colour("--accent");
    context.fillRect(of(this.from), 0, Math.max(2, of(this.to) - of(this.from)), height);
    context.globalAlpha = 1;
    context.strokeStyle = colour("--accent");
    context.strokeRect(of(this.from) + 0.5, 0.5, Math.max(2, of(this.to) - of(this.from)) - 1, height - 1);
    context.fillRect(of(model.time[this.frame] / 1e9) - 0.75, 0, 1.5, height);
    context.fillStyle = colour("--faint");
    context.font = "11px system-ui, sans-serif";
    context.textAlign = "right";
    context.textBaseline = "middle";
    context.fillText(model.differences ? "differences" : "activity", GUTTER - 10, height / 2);
  }

  // Mouse and touch. `changed` is called when only the view moved.
  listen(changed) {
    let drag = null;
    const at = (event) => event.clientX - event.target.getBoundingClientRect().left;
    const seekTo = (x) => this.seek(this.model.frameAt(this.seconds(x) * 1e9));
    this.canvas.onpointerdown = (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      drag = event.shiftKey || event.button === 1 ? { x: at(event), from: this.from } : "scrub";
      if (drag === "scrub") seekTo(at(event));
    };
    this.canvas.onpointermove = (event) => {
      if (drag === "scrub") seekTo(at(event));
      else if (drag) {
        this.place(drag.from - ((at(event) - drag.x) / (this.width - GUTTER)) * (this.to - this.from));
        changed();
      }
    };
    this.canvas.onpointerup = this.canvas.onpointercancel = () => {
      drag = null;
    };
    this.canvas.onwheel = (event) => {
      if (event.ctrlKey || event.metaKey) this.zoom(Math.exp(event.deltaY * 0.004), this.seconds(at(event)));
      else if (Math.abs(event.deltaX) > Math.abs(event.deltaY))
        this.place(this.from + (event.deltaX / this.width) * (this.to - this.from));
      else return;
      event.preventDefault();
      changed();
    };
    const move = (event) => {
      const { model } = this,
        box = this.overview.getBoundingClientRect();
      const share = (event.clientX - box.left - GUTTER) / (box.width - GUTTER);
      this.place(model.start + share * (model.end - model.start) - (this.to - this.from) / 2);
      changed();
    };
    this.overview.onpointerdown = (event) => {
      this.overview.setPointerCapture(event.pointerId);
      move(event);
    };
    this.overview.onpointermove = (event) => {
      if (event.buttons) move(event);
    };
  }
}
