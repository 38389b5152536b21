// The second task: two episodes of one game side by side; which is played better?

class Comparing {
  constructor(desk) {
    this.desk = desk;
    this.left = new Player($("left-stage"), () => this.drawSeen());
    this.right = new Player($("right-stage"), () => this.drawSeen());
    this.players = [this.left, this.right];
    for (const player of this.players) player.button.onclick = player.stage.onclick = () => this.toggle();
    const choices = { "choose-left": "left", "choose-tie": "tie", "choose-right": "right", "skip-pair": "skipped" };
    for (const [id, choice] of Object.entries(choices)) $(id).onclick = () => this.choose(choice);
    $("previous-pair").onclick = () => this.previous();
    $("compare-keys").replaceChildren(
      ...help([
        ["1", "left is better"],
        ["2", "no difference"],
        ["3", "right is better"],
        ...PLAYBACK,
        ["S", "skip"],
        ["P", "previous"],
        ["C", "comment"],
        ["Esc", "to the start page"],
      ]),
    );
    this.keys = {
      1: () => this.choose("left"),
      2: () => this.choose("tie"),
      3: () => this.choose("right"),
      s: () => this.choose("skipped"),
      p: () => this.previous(),
      c: () => $("pair-comment").focus(),
    };
  }

  toggle() {
    const paused = this.players.every((player) => player.video.paused);
    for (const player of this.players) {
      if (paused && !player.video.ended) player.video.play().catch(() => {});
      else player.video.pause();
    }
  }

  get queue() {
    return this.desk.session.pairs;
  }

  async show(place) {
    const queue = this.queue;
    if (!queue[place]) return; // before the first
    Object.assign(this, { place, pair: queue[place], early: false });
    $("pair-comment").value = "";
    this.left.load(this.pair.left);
    this.right.load(this.pair.right);
    this.desk.title(`Pair ${place + 1} of ${queue.length}`, this.pair.left.game, queue);
    this.drawSeen();
  }

  previous() {
    return this.desk.alone(() => this.show(this.place - 1));
  }

  choose(choice) {
    return this.desk.alone(() => this.chosen(choice));
  }

  async chosen(choice) {
    const enough = this.players.every((player) => player.share >= this.desk.about.seen);
    if (choice !== "skipped" && !enough) {
      this.early = true;
      this.drawSeen();
      return this.desk.say($("pair-coverage").textContent);
    }
    const { left, right } = this.pair;
    const message = { rater: this.desk.rater, left: left.id, right: right.id, choice, comment: $("pair-comment").value };
    if (!(await this.desk.ask("choice", message))) return undefined;
    this.desk.told("saved");
    this.pair.state = choice === "skipped" ? "skipped" : "done";
    return this.desk.next();
  }

  drawSeen() {
    if (!this.pair) return;
    const shares = this.players.map((player) => player.share),
      enough = Math.min(...shares) >= this.desk.about.seen,
      seen = shares.map((share) => `${Math.floor(100 * share)} %`).join(" and ");
    for (const player of this.players) player.drawMarks([]);
    for (const id of ["choose-left", "choose-tie", "choose-right"]) $(id).classList.toggle("dim", !enough);
    $("pair-coverage").classList.toggle("warn", this.early && !enough);
    $("pair-coverage").textContent = enough
      ? `Seen: ${seen}.`
      : this.early
        ? `Only ${seen} were seen: watch both to the end, or press S to skip the pair.`
        : `Seen: ${seen}. You can choose once both were seen.`;
  }

  async close() {
    for (const player of this.players) player.unload();
    this.pair = null;
  }
}
