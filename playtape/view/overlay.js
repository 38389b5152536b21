// Keys and mouse over the picture: one panel for each side, truth on the left, prediction on the right.

const KEY_ROWS = [
  "` 1 2 3 4 5 6 7 8 9 0",
  "tab q w e r t y u i o p",
  "caps a s d f g h j k l",
  "shift z x c v b n m",
  "control alt",
];
const ARROWS = { "key.up": [12.5, 3], "key.left": [11.5, 4], "key.down": [12.5, 4], "key.right": [13.5, 4] };
const CAPS = {
  shift: "shift",
  left_shift: "shift",
  right_shift: "shift",
  control: "ctrl",
  left_control: "ctrl",
  space: "space",
  left_alt: "alt",
  enter: "enter",
  tab: "tab",
  escape: "esc",
  up: "↑",
  down: "↓",
  left: "←",
  right: "→",
  backspace: "⌫",
};
const MOUSE_BUTTONS = ["mouse.left", "mouse.middle", "mouse.right", "mouse.x1", "mouse.x2"];

// Where each used key lies: [{button, x, y, width, text}] in key widths, without empty rows and columns.
function keyLayout(model) {
  const caps = [],
    loose = [];
  for (const b of model.used) {
    const name = model.buttons[b];
    if (MOUSE_BUTTONS.includes(name)) continue;
    const key = name.replace(/^key\.(left_|right_(?!$))?/, "").replace(/^(pad)\./, "");
    const text = CAPS[name.slice(4)] || CAPS[key] || (name.startsWith("key.") ? key : name.slice(4)).toUpperCase();
    const row = KEY_ROWS.findIndex((keys) => keys.split(" ").includes(key));
    if (name in ARROWS) caps.push({ b, x: ARROWS[name][0], y: ARROWS[name][1], width: 1, text });
    else if (name === "key.space") caps.push({ b, x: 2, y: 4, width: 3, text });
    else if (name.startsWith("key.") && row >= 0) {
      const column = KEY_ROWS[row].split(" ").indexOf(key);
      const wide = text.length > 1 && column === 0;
      caps.push({ b, x: wide ? column - 0.5 : column, y: row, width: wide ? 1.5 : 1, text });
    } else loose.push({ b, text });
  }
  squeeze(caps);
  const bottom = Math.max(-1, ...caps.map((cap) => cap.y));
  loose.forEach((cap, i) => caps.push({ ...cap, x: (i % 4) * 1.6, y: bottom + 1 + Math.floor(i / 4), width: 1.5 }));
  return caps;
}

// Shift and space share a row where nothing is between them; empty rows and the left margin go.
function squeeze(caps) {
  const row = (y) => caps.filter((cap) => cap.y === y);
  if (row(4).length === 1 && row(3).every((cap) => cap.x + cap.width <= 1))
    for (const cap of row(4))
      if (cap.width === 3) {
        cap.y = 3;
        cap.x = 1.1;
      }
  const rows = [...new Set(caps.map((cap) => cap.y))].sort((a, b) => a - b);
  const left = Math.min(0, ...caps.map((cap) => cap.x)) || Math.min(...caps.map((cap) => cap.x));
  for (const cap of caps) {
    cap.y = rows.indexOf(cap.y);
    cap.x -= left;
  }
}

class Overlay {
  constructor(canvas, model) {
    this.canvas = canvas;
    this.model = model;
    this.caps = keyLayout(model);
    this.columns = Math.max(0, ...this.caps.map((cap) => cap.x + cap.width));
    this.lines = Math.max(0, ...this.caps.map((cap) => cap.y + 1));
    const dx = model.axisIndex("mouse.dx"),
      dy = model.axisIndex("mouse.dy");
    this.mouse = dx >= 0 || dy >= 0 || model.used.some((b) => MOUSE_BUTTONS.includes(model.buttons[b]));
    this.vectors = [
      { name: "mouse", x: dx, y: dy },
      ...["left", "right"].map((stick) => ({
        name: stick,
        x: model.axisIndex(`pad.${stick}_x`),
        y: model.axisIndex(`pad.${stick}_y`),
      })),
    ]
      .filter((v) => v.x >= 0 || v.y >= 0)
      .map((v) => ({ ...v, reach: Math.max(...[v.x, v.y].filter((a) => a >= 0).map((a) => model.reach(a))) }));
  }

  // Draws both panels for frame t and returns what was drawn, side by side: the page's tests compare it with the recording.
  draw(t) {
    const box = this.canvas.getBoundingClientRect();
    const context = sharp(this.canvas, box.width, box.height);
    const columns = this.columns + (this.mouse ? 2.9 : 0) + Math.max(0, this.vectors.length - 1) * 2.4;
    const share = this.model.sides.length > 1 ? 0.46 : 0.6;
    const unit = Math.min(38, (box.width * share) / (columns + 1), (box.height * 0.34) / (Math.max(this.lines, 3) + 1));
    const width = (columns + 0.9) * unit,
      height = (Math.max(this.lines, 3) + 1.35) * unit;
    return this.model.sides.map((side, s) => {
      const x = s === 0 ? unit * 0.35 : box.width - width - unit * 0.35;
      return this.panel(context, s, t, { x, y: box.height - height - unit * 0.35, width, height, unit });
    });
  }

  panel(context, s, t, { x, y, width, height, unit }) {
    const { model } = this,
      ink = colour(`--over-${this.tint(s)}`),
      drawn = { label: model.sides[s].label, held: [], axes: {} };
    context.fillStyle = "rgba(10, 13, 18, .62)";
    rounded(context, x, y, width, height, unit * 0.35);
    context.fill();
    context.font = `600 ${Math.max(10, unit * 0.46)}px system-ui, sans-serif`;
    context.textBaseline = "middle";
    context.textAlign = "left";
    context.fillStyle = ink;
    context.fillText(model.sides[s].label, x + unit * 0.45, y + unit * 0.52);
    const top = y + unit * 1.0,
      left = x + unit * 0.45;
    for (const cap of this.caps) {
      this.cap(
        context,
        s,
        t,
        cap.b,
        { x: left + cap.x * unit, y: top + cap.y * unit, width: cap.width * unit, height: unit },
        cap.text,
        drawn,
      );
    }
    let right = left + this.columns * unit + (this.columns ? unit * 0.35 : 0);
    if (this.mouse) right = this.drawMouse(context, s, t, right, top, unit, drawn);
    for (const vector of this.vectors.filter((v) => v.name !== "mouse")) {
      this.vector(context, s, t, vector, right + unit * 1.2, top + unit * 1.5, unit * 1.1, drawn);
      right += unit * 2.4;
    }
    return drawn;
  }

  tint(s) {
    return this.model.sides[s].label === "predicted" ? 1 : 0;
  }

  cap(context, s, t, b, box, text, drawn) {
    const { model } = this,
      ink = colour(`--over-${this.tint(s)}`),
      held = model.sides[s].held[b][t] === 1;
    const gap = box.height * 0.07,
      x = box.x + gap,
      y = box.y + gap,
      width = box.width - 2 * gap,
      height = box.height - 2 * gap;
    const probability = model.probability(s, b, t);
    rounded(context, x, y, width, height, box.height * 0.18);
    context.fillStyle = held ? ink : "rgba(255, 255, 255, .09)";
    context.fill();
    if (!held && probability !== null && probability > 0.02) {
      // how close it came, filled from below
      context.save();
      context.clip();
      context.fillStyle = ink;
      context.globalAlpha = 0.45;
      context.fillRect(x, y + height * (1 - probability), width, height * probability);
      context.restore();
      rounded(context, x, y, width, height, box.height * 0.18);
    }
    const differs = model.sides.length > 1 && s === 1 && model.sides[0].held[b][t] !== model.sides[1].held[b][t];
    context.lineWidth = differs ? Math.max(2, box.height * 0.09) : 1;
    context.strokeStyle = differs ? colour("--over-wrong") : "rgba(255, 255, 255, .38)";
    context.stroke();
    context.fillStyle = held ? "#10131a" : "#e9edf3";
    context.textAlign = "center";
    context.font = `600 ${box.height * (text.length > 2 ? 0.32 : 0.46)}px system-ui, sans-serif`;
    context.fillText(text, x + width / 2, y + height / 2 + 1, width * 0.95);
    if (held) drawn.held.push(model.buttons[b]);
  }

  drawMouse(context, s, t, left, top, unit, drawn) {
    const { model } = this;
    const buttons = MOUSE_BUTTONS.filter((name) => model.used.includes(model.buttons.indexOf(name)));
    const shown = buttons.length ? buttons : [];
    const width = (2.3 * unit) / Math.max(1, shown.length);
    shown.forEach((name, i) =>
      this.cap(
        context,
        s,
        t,
        model.buttons.indexOf(name),
        { x: left + i * width, y: top, width, height: unit * 0.8 },
        name === "mouse.left" ? "L" : name === "mouse.right" ? "R" : name === "mouse.middle" ? "M" : name.slice(6),
        drawn,
      ),
    );
    const vector = this.vectors.find((v) => v.name === "mouse");
    if (vector) this.vector(context, s, t, vector, left + unit * 1.15, top + unit * 2.05, unit * 1.1, drawn);
    return left + unit * 2.5;
  }

  // Motion as an arrow; its length is the square root of the size, so that small motion is seen beside large.
  vector(context, s, t, vector, x, y, radius, drawn) {
    const { model } = this,
      ink = colour(`--over-${this.tint(s)}`),
      axes = model.sides[s].axes;
    const dx = vector.x >= 0 ? axes[vector.x][t] : 0,
      dy = vector.y >= 0 ? axes[vector.y][t] : 0,
      size = Math.hypot(dx, dy);
    for (const a of [vector.x, vector.y]) if (a >= 0) drawn.axes[model.axes[a].name] = axes[a][t];
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fillStyle = "rgba(255, 255, 255, .07)";
    context.fill();
    context.lineWidth = 1;
    context.strokeStyle = "rgba(255, 255, 255, .38)";
    context.stroke();
    context.beginPath();
    context.arc(x, y, 2, 0, 2 * Math.PI);
    context.fillStyle = "rgba(255, 255, 255, .6)";
    context.fill();
    if (!size) return;
    const length = radius * Math.min(1, Math.sqrt(size / vector.reach)),
      angle = Math.atan2(dy, dx),
      head = Math.min(radius * 0.4, Math.max(4, length * 0.7));
    const tip = [x + length * Math.cos(angle), y + length * Math.sin(angle)];
    context.strokeStyle = context.fillStyle = ink;
    context.lineWidth = Math.max(2, radius * 0.14);
    const neck = Math.max(0, length - head * 0.8);
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x + neck * Math.cos(angle), y + neck * Math.sin(angle));
    context.stroke();
    context.beginPath();
    context.moveTo(...tip);
    for (const turn of [2.6, -2.6])
      context.lineTo(tip[0] + head * Math.cos(angle + turn), tip[1] + head * Math.sin(angle + turn));
    context.fill();
  }
}

function rounded(context, x, y, width, height, radius) {
  context.beginPath();
  context.roundRect(x, y, width, height, Math.min(radius, width / 2, height / 2));
}
