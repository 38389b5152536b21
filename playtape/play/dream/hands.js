// What hands do: keys, mouse, and what the page itself offers for inputs that neither has.

class Hands {
  // `space`: the world's buttons and axes; `tell` is called whenever something changed.
  constructor(space, tell) {
    Object.assign(this, { space, tell });
    this.down = new Map(); // what holds it -> the names of the buttons that it holds
    this.moved = {};
    this.codes = {};
    for (const { name, codes } of space.buttons) for (const code of codes) (this.codes[code] ??= []).push(name);
    this.mouse = space.axes.filter((axis) => axis.mouse).map((axis) => axis.name);
    this.mouseButtons = Object.fromEntries(
      space.buttons.filter((one) => one.mouse !== null).map((one) => [one.mouse, [one.name]]),
    );
  }

  // By the letter on the key, wherever it lies; other keys by where they lie.
  static code(event) {
    return /^[a-z]$/i.test(event.key) ? `Key${event.key.toUpperCase()}` : event.code || event.key;
  }

  // True if the world knows it.
  key(event) {
    const id = `key ${event.code || event.key}`;
    if (event.type === "keyup") return this.release(id);
    const names = this.codes[Hands.code(event)];
    if (names && !event.repeat) this.hold(id, names);
    return Boolean(names);
  }

  button(event) {
    const names = this.mouseButtons[event.button];
    if (event.type === "mouseup") this.release(`mouse ${event.button}`);
    else if (names) this.hold(`mouse ${event.button}`, names);
  }

  move(motion) {
    for (const name of this.mouse) this.moved[name] = (this.moved[name] ?? 0) + (motion[name] ?? 0);
  }

  put(name, value) {
    this.moved[name] = value;
    this.tell();
  }

  hold(id, names) {
    this.down.set(id, names);
    this.tell();
  }

  release(id) {
    const held = this.down.delete(id);
    if (held) this.tell();
    return held;
  }

  free() {
    this.down.clear();
    this.moved = {};
    this.tell();
  }

  get held() {
    return [...new Set([...this.down.values()].flat())];
  }

  // What moved since the last time that this was asked.
  take() {
    const moved = Object.fromEntries(Object.entries(this.moved).filter(([, value]) => Number.isFinite(value)));
    this.moved = {};
    return moved;
  }
}
