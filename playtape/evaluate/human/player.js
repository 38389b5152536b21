// One video: play, step, seek, and which stretches of it were really seen.

const SPEEDS = [0.25, 0.5, 1, 1.5, 2];
const clock = (s) => `${Math.floor(s / 60)}:${(s % 60).toFixed(1).padStart(4, "0")}`;

class Player {
  constructor(box, changed) {
    this.changed = changed;
    this.video = element("video", undefined, { muted: true, playsInline: true, preload: "auto", tabIndex: -1 });
    this.note = element("p", "", { className: "note", hidden: true });
    this.stage = element("div", undefined, { className: "stage" });
    this.stage.append(this.video, this.note);
    this.track = element("div", undefined, { className: "track" });
    this.marks = element("div", undefined, { className: "marks" });
    this.slider = element("input", undefined, { type: "range", min: 0, step: "any", tabIndex: -1, ariaLabel: "Time" });
    this.track.append(this.marks, this.slider);
    this.button = element("button", "▶ play", { className: "play" });
    this.time = element("span", "", { className: "time" });
    this.speed = element("span", "", { className: "time" });
    const row = element("p", undefined, { className: "row" });
    row.append(this.button, this.time, this.speed);
    box.replaceChildren(this.stage, this.track, row);
    this.listen();
  }

  listen() {
    const { video } = this;
    this.button.onclick = () => this.toggle();
    this.stage.onclick = () => this.toggle();
    this.slider.oninput = () => this.seek(Number(this.slider.value));
    video.onplay = video.onpause = () => (this.button.textContent = video.paused ? "▶ play" : "❚❚ pause");
    video.onloadedmetadata = () => {
      this.slider.max = this.end;
      this.stage.style.aspectRatio = `${video.videoWidth} / ${video.videoHeight}`;
      if (this.start) video.currentTime = this.start;
      this.draw();
    };
    video.onended = () => {
      this.saw(this.at, this.end);
      this.changed();
    };
    video.onseeking = () => (this.at = null);
    video.onseeked = () => {
      if (this.stepped !== null) this.saw(this.stepped, video.currentTime);
      this.stepped = null;
      this.draw();
      this.changed();
    };
    video.onerror = () => {
      this.broken = true;
      this.note.hidden = false;
      this.note.textContent = "This browser cannot play this episode's video. Skip it, or use another browser.";
      this.changed();
    };
    const tick = () => {
      if (!video.paused && !video.seeking && this.id) {
        const now = video.currentTime;
        if (this.at !== null && now - this.at < 1) this.saw(this.at, now);
        this.at = now;
        this.draw();
        this.changed();
      }
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  // Show an episode; `seen` are the stretches that were seen before.
  load(episode, seen = []) {
    Object.assign(this, { id: episode.id, seconds: episode.seconds, frame: episode.frame_s, broken: false });
    Object.assign(this, { at: null, stepped: null, seen: seen.map((one) => [...one]) });
    this.start = seen.length && seen[0][0] < 1 && seen[0][1] < this.seconds - 1 ? seen[0][1] : 0; // go on where it was left
    this.note.hidden = true;
    this.video.src = `video/${episode.id}`;
    this.setSpeed(2);
    this.draw();
  }

  unload() {
    this.id = null;
    this.video.pause();
    this.video.removeAttribute("src");
    this.video.load();
  }

  get end() {
    return Number.isFinite(this.video.duration) ? this.video.duration : this.seconds;
  }

  get now() {
    return Math.round(this.video.currentTime * 1000) / 1000;
  }

  // The share of the episode that was seen, 0 to 1.
  get share() {
    const sum = this.seen.reduce((total, [from, to]) => total + to - from, 0);
    return Math.min(1, sum / this.seconds);
  }

  toggle() {
    if (this.video.paused) this.video.play().catch(() => {});
    else this.video.pause();
  }

  seek(to) {
    this.video.currentTime = Math.max(0, Math.min(this.end, to));
  }

  jump(seconds) {
    this.seek(this.video.currentTime + seconds);
  }

  step(frames) {
    this.video.pause();
    const from = this.video.currentTime,
      number = Math.floor(from / this.frame + 0.001) + frames;
    this.seek((number + 0.5) * this.frame); // the middle of a picture, so that rounding cannot show its neighbour
    this.stepped = frames > 0 ? from : null;
  }

  setSpeed(place) {
    this.pace = Math.max(0, Math.min(SPEEDS.length - 1, place));
    this.video.defaultPlaybackRate = this.video.playbackRate = SPEEDS[this.pace];
    this.speed.textContent = `${SPEEDS[this.pace]}×`;
  }

  // One more stretch was seen: stretches stay apart and rise.
  saw(from, to) {
    if (from === null || !(to - from > 0.001)) return;
    const all = [...this.seen, [from, to]].sort((one, other) => one[0] - other[0]);
    this.seen = [];
    for (const [start, stop] of all) {
      const last = this.seen.at(-1);
      if (last && start <= last[1] + 0.06) last[1] = Math.max(last[1], stop);
      else this.seen.push([start, stop]);
    }
  }

  // `seen` as it is sent: milliseconds are enough.
  stretches() {
    return this.seen.map((one) => one.map((s) => Math.round(s * 1000) / 1000)).filter(([from, to]) => to > from);
  }

  draw() {
    const now = this.video.currentTime || 0;
    this.slider.value = now;
    this.time.textContent = `${clock(now)} of ${clock(this.end)}`;
  }

  // Ticks where faults were pressed, over what was seen.
  drawMarks(times) {
    const place = (s) => `${(100 * s) / this.end}%`;
    const stretches = this.seen.map(([from, to]) => {
      const made = element("i", undefined, { className: "stretch" });
      made.style.left = place(from);
      made.style.width = place(to - from);
      return made;
    });
    const ticks = times.map((s) => {
      const made = element("i", undefined, { className: "tick" });
      made.style.left = place(s);
      return made;
    });
    this.marks.replaceChildren(...stretches, ...ticks);
  }
}
