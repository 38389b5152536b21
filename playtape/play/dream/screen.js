// The picture, as large as whole pixels allow, and the panel beside it.

class Screen {
  constructor(hello) {
    this.hello = hello;
    this.canvas = $("picture");
    Object.assign(this.canvas, { width: hello.width, height: hello.height });
    this.context = this.canvas.getContext("2d");
    this.image = this.context.createImageData(hello.width, hello.height);
    this.times = [];
    this.last = 0;
    new ResizeObserver(() => this.fit()).observe($("stage"));
    this.fit();
  }

  // Every pixel of the world is as many of the screen's as every other.
  fit() {
    const { clientWidth, clientHeight } = $("stage");
    const dots = window.devicePixelRatio || 1;
    const room = Math.min((clientWidth * dots) / this.hello.width, (clientHeight * dots) / this.hello.height);
    const times = Math.max(1, Math.floor(room));
    this.canvas.style.width = `${(this.hello.width * times) / dots}px`;
    this.canvas.style.height = `${(this.hello.height * times) / dots}px`;
  }

  // A message: number, milliseconds, score, last or not, and RGB. Gives the first four.
  draw(message) {
    const head = new DataView(message);
    const rgb = new Uint8Array(message, 16);
    const rgba = this.image.data;
    for (let from = 0, to = 0; from < rgb.length; from += 3, to += 4) {
      rgba[to] = rgb[from];
      rgba[to + 1] = rgb[from + 1];
      rgba[to + 2] = rgb[from + 2];
      rgba[to + 3] = 255;
    }
    this.context.putImageData(this.image, 0, 0);
    return {
      number: head.getUint32(0, true),
      took: head.getFloat32(4, true),
      score: head.getFloat32(8, true),
      ended: head.getUint32(12, true) === 1,
    };
  }

  // Numbers of the last two seconds, four times a second.
  tell(frame, count) {
    const now = performance.now();
    if (count > 1) this.times.push([now, frame.took]); // the first is a recorded moment, and took no time
    if (!this.times.length) return;
    this.times = this.times.filter(([at], k) => now - at < 2000 || k >= this.times.length - 3); // a slow world has few
    if (frame.score) for (const one of document.querySelectorAll(".scored")) one.hidden = false;
    if (now - this.last < 250 && count > 1) return;
    this.last = now;
    const span = now - this.times[0][0];
    const took = this.times.map(([, took]) => took).sort((a, b) => a - b)[this.times.length >> 1];
    $("fps").textContent = this.times.length > 1 ? ((1000 * (this.times.length - 1)) / span).toFixed(1) : "–";
    $("took").textContent = took.toFixed(0);
    $("number").textContent = count;
    $("score").textContent = frame.score.toFixed(2);
  }

  forget() {
    this.times = [];
  }
}

// The buttons and axes of a world, each of which shows what is held and can be used by itself.
class Panel {
  constructor(hands) {
    this.hands = hands;
    this.chips = new Map();
    this.meters = new Map();
    for (const { name, label } of hands.space.buttons) {
      const chip = element("button", label, { className: "input", title: name, tabIndex: -1 });
      chip.dataset.name = name;
      chip.onpointerdown = (event) => {
        event.preventDefault(); // the focus stays where it is
        if (event.isTrusted) chip.setPointerCapture(event.pointerId);
        hands.hold(`chip ${name}`, [name]);
      };
      chip.onpointerup = chip.onpointercancel = () => hands.release(`chip ${name}`);
      this.chips.set(name, chip);
      $("buttons").append(chip);
    }
    for (const axis of hands.space.axes) $("axes").append(element("span", axis.name), this.axis(axis));
  }

  axis({ name, scale, mouse, low, high }) {
    if (!mouse) {
      const attributes = { type: "range", min: low, max: high, step: "any", value: 0 };
      const slider = Object.assign(element("input"), attributes);
      slider.title = `${low.toPrecision(3)} to ${high.toPrecision(3)}`;
      slider.ariaLabel = name;
      slider.oninput = () => this.hands.put(name, Number(slider.value));
      slider.onchange = () => slider.blur();
      this.meters.set(name, { rest: () => (slider.value = 0) });
      return slider;
    }
    const meter = element("div", undefined, { className: "meter" });
    const bar = element("i");
    meter.append(bar);
    this.meters.set(name, {
      move: (value) => {
        const share = 50 * Math.tanh(value / (2 * scale));
        Object.assign(bar.style, { left: `${50 + Math.min(0, share)}%`, width: `${Math.abs(share)}%` });
      },
    });
    return meter;
  }

  held(names) {
    for (const [name, chip] of this.chips) chip.classList.toggle("held", names.includes(name));
  }

  moved(values) {
    for (const [name, meter] of this.meters) meter.move?.(values[name] ?? 0);
  }

  rest() {
    for (const meter of this.meters.values()) meter.rest?.();
    this.moved({});
  }
}
