// The first task: faults counted in one episode after the other.

class Counting {
  constructor(desk) {
    this.desk = desk;
    this.player = new Player($("count-stage"), () => this.drawSeen());
    this.rows = desk.about.faults.map((fault) => {
      const row = element("button", undefined, { className: "fault", title: fault.meaning });
      const count = element("b", "0");
      const name = element("span", fault.title);
      name.append(element("small", fault.meaning));
      row.append(element("kbd", fault.key), name, count);
      row.onclick = () => this.press(fault);
      return { row, count };
    });
    $("faults").replaceChildren(...this.rows.map(({ row }) => row));
    $("undo").onclick = () => this.undo();
    $("finish").onclick = () => this.finish();
    $("skip").onclick = () => this.leave("skipped");
    $("previous").onclick = () => this.previous();
    $("comment").oninput = () => this.changed();
    $("count-keys").replaceChildren(
      ...help([
        ["1 … 6", "fault"],
        ["U", "undo"],
        ...PLAYBACK,
        ["Enter", "finish"],
        ["S", "skip"],
        ["P", "previous"],
        ["C", "comment"],
        ["Esc", "to the start page"],
      ]),
    );
    this.keys = {
      u: () => this.undo(),
      backspace: () => this.undo(),
      enter: () => this.finish(),
      s: () => this.leave("skipped"),
      p: () => this.previous(),
      c: () => $("comment").focus(),
    };
    for (const fault of desk.about.faults) this.keys[fault.key] = () => this.press(fault);
    this.players = [this.player];
  }

  get queue() {
    return this.desk.session.episodes;
  }

  // Show the episode at a place of this rater's order.
  async show(place) {
    const queue = this.queue;
    if (!queue[place]) return undefined; // before the first
    if (this.saver && !(await this.saved())) return undefined;
    const rating = await this.desk.ask(`rating?${new URLSearchParams({ rater: this.desk.rater, episode: queue[place].id })}`);
    if (!rating) return undefined;
    Object.assign(this, { place, rating, early: false, kept: performance.now() });
    this.saver = new Saver(rating.revision, (how, error) => this.desk.told(how, error));
    $("comment").value = rating.comment;
    this.player.load(queue[place], rating.seen);
    this.sent = this.content();
    this.desk.title(`Episode ${place + 1} of ${queue.length}`, queue[place].game, queue);
    this.draw("");
  }

  async saved() {
    this.save();
    return this.saver.settled();
  }

  press(fault) {
    if (this.desk.busy) return;
    const time = this.player.now;
    this.rating.marks.push([fault.name, time]);
    this.changed();
    const count = this.rating.marks.filter(([name]) => name === fault.name).length;
    this.draw(`${fault.title} at ${clock(time)}`);
    this.desk.say(`${fault.title}, ${count}`);
  }

  undo() {
    if (this.desk.busy) return;
    const gone = this.rating.marks.pop();
    if (!gone) return;
    this.changed();
    const fault = this.desk.about.faults.find((one) => one.name === gone[0]);
    this.draw(`took back: ${fault.title} at ${clock(gone[1])}`);
    this.desk.say(`took back ${fault.title}`);
  }

  // Something was said: a finished rating is open again until it is finished again.
  changed() {
    if (this.desk.busy) return;
    this.rating.state = "open";
    this.queue[this.place].state = "open";
    this.save();
  }

  // All that the rating says, as text.
  content() {
    const { marks, state, episode } = this.rating;
    const said = { rater: this.desk.rater, episode, marks, seen: this.player.stretches(), comment: $("comment").value, state };
    return JSON.stringify(said);
  }

  // On its way to the disk, if it is not there.
  save() {
    const content = this.content();
    if (content === this.sent) return;
    this.sent = content;
    this.saver.want(JSON.parse(content));
  }

  finish() {
    if (this.player.share >= this.desk.about.seen) return this.leave("done");
    this.early = true;
    this.drawSeen();
    this.desk.say($("coverage").textContent);
  }

  leave(state) {
    return this.desk.alone(async () => {
      this.rating.state = state;
      if (!(await this.saved())) return;
      this.queue[this.place].state = state;
      await this.desk.next();
    });
  }

  previous() {
    return this.desk.alone(() => this.show(this.place - 1));
  }

  draw(last) {
    this.desk.about.faults.forEach((fault, k) => {
      const count = this.rating.marks.filter(([name]) => name === fault.name).length;
      this.rows[k].count.textContent = count;
      this.rows[k].row.classList.toggle("some", count > 0);
    });
    $("last").textContent = last;
    this.drawSeen();
  }

  drawSeen() {
    if (!this.rating) return;
    const share = this.player.share,
      enough = share >= this.desk.about.seen;
    this.player.drawMarks(this.rating.marks.map(([, time]) => time));
    $("finish").classList.toggle("dim", !enough);
    $("coverage").classList.toggle("warn", this.early && !enough);
    $("coverage").textContent = enough
      ? `Seen: ${Math.floor(100 * share)} %. Enter finishes.`
      : this.early
        ? `Only ${Math.floor(100 * share)} % of it was seen: watch it to the end, or press S to skip it.`
        : `Seen: ${Math.floor(100 * share)} %. It can be finished once it was seen.`;
    if (performance.now() - this.kept > 4000) {
      this.kept = performance.now(); // what was seen is kept now and then
      this.save();
    }
  }

  async close() {
    if (this.rating && this.saver) await this.saved();
    this.player.unload();
    this.rating = null;
  }
}
