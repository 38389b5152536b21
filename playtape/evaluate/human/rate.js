// The page: its screens, who rates, and the keyboard.

const PLAYBACK = [
  ["Space", "play, pause"],
  ["← →", "one picture"],
  ["Shift ← →", "one second"],
  ["− +", "slower, faster"],
  ["0", "from the start"],
];

const many = (count, thing) => `${count} ${thing}${count === 1 ? "" : "s"}`;

function help(keys) {
  return keys.flatMap(([key, what]) => {
    const one = element("span");
    one.append(element("kbd", key), ` ${what}`);
    return [one, " "];
  });
}

class Desk {
  constructor(about) {
    this.about = about;
    this.tasks = {};
    this.screen = null;
    this.busy = false;
  }

  // One thing at a time: what is pressed while an episode is being left belongs to neither it nor the next.
  async alone(work) {
    if (this.busy) return;
    this.busy = true;
    try {
      await work();
    } finally {
      this.busy = false;
    }
  }

  // A question to the server; null, and a sentence on the page, where it has no answer.
  async ask(path, message) {
    try {
      const answer = await ask(path, message);
      this.trouble("");
      return answer;
    } catch (error) {
      this.trouble(error.status ? error.message : "The server does not answer. Is it still running?");
      return null;
    }
  }

  async begin(task) {
    const name = $("rater").value.trim();
    if (!name) return $("rater").focus();
    const session = await this.ask(`session?${new URLSearchParams({ rater: name })}`);
    if (!session) return undefined;
    Object.assign(this, { session, rater: session.rater });
    this.tasks[task] ||= task === "count" ? new Counting(this) : new Comparing(this);
    this.task = this.tasks[task];
    this.to(task);
    this.task.place = -1;
    await this.next();
  }

  // The next that is open, after this one or else from the start; the end, if none is.
  async next() {
    const { queue, place } = this.task;
    const open = queue.map((one, k) => k).filter((k) => queue[k].state === "open");
    if (open.length) await this.task.show(open.find((k) => k > place) ?? open[0]);
    else await this.end(this.task === this.tasks.count ? "count" : "compare");
  }

  to(screen) {
    for (const id of ["start", "count", "compare", "end"]) $(id).hidden = id !== screen;
    document.body.dataset.screen = this.screen = screen;
    scrollTo(0, 0);
  }

  title(text, game, queue) {
    const open = queue.filter((one) => one.state === "open").length;
    $("title").textContent = text;
    $("progress").textContent = `${game} · ${open} to go`;
    document.title = `${text} · Playtape`;
    $("title").focus();
    this.say(text);
  }

  async start() {
    await this.task?.close();
    this.task = null;
    this.about = (await this.ask("about")) || this.about;
    const { episodes, seconds, left_out, pairs } = this.about;
    $("title").textContent = "Judge play";
    $("progress").textContent = $("saved").textContent = "";
    $("volume").textContent =
      `${many(episodes, "episode")}, ${(seconds / 60).toFixed(1)} minutes in all.` +
      (left_out ? ` ${left_out} more cannot be shown; who started this page was told why.` : "");
    $("meanings").replaceChildren(
      ...this.about.faults.map((fault) => {
        const row = element("tr"),
          key = element("td");
        key.append(element("kbd", fault.key));
        row.append(key, element("td", fault.title), element("td", fault.meaning));
        return row;
      }),
    );
    $("raters").replaceChildren(...this.about.raters.map((name) => element("option", undefined, { value: name })));
    $("begin-compare").hidden = !pairs;
    $("no-pairs").textContent =
      this.about.no_pairs || `${many(pairs, "pair")} to compare: two players in the same game, side by side, in any order.`;
    this.to("start");
    $("rater").focus();
  }

  async end(task) {
    await this.task?.close();
    this.task = null;
    const other = task === "count" ? "compare" : "count";
    const left = { count: this.session.episodes, compare: this.session.pairs }[other].filter((one) => one.state === "open");
    const skipped = { count: this.session.episodes, compare: this.session.pairs }[task].filter(
      (one) => one.state === "skipped",
    ).length;
    $("title").textContent = task === "count" ? "All episodes are judged" : "All pairs are judged";
    $("progress").textContent = this.rater;
    $("end-title").textContent = "Thank you";
    $("end-text").textContent =
      (skipped ? `${skipped} skipped. ` : "") +
      "Everything is on the disk. Results are told by playtape evaluate human with --report, and not here, " +
      "so that whoever goes on judging stays blind.";
    $("again").hidden = !left.length;
    $("again").textContent = other === "compare" ? `Compare ${left.length} pairs` : `Count faults in ${left.length} episodes`;
    $("again").onclick = () => this.alone(() => this.begin(other));
    $("back").onclick = () => this.alone(() => this.start());
    this.to("end");
    ($("again").hidden ? $("back") : $("again")).focus();
  }

  say(sentence) {
    $("said").textContent = sentence;
  }

  trouble(sentence) {
    $("trouble").hidden = !sentence;
    $("trouble").textContent = sentence;
  }

  told(how, error) {
    $("saved").textContent = { saved: "saved", waiting: "not saved yet", refused: "not saved" }[how];
    if (how === "saved") this.trouble("");
    if (how === "waiting")
      this.trouble(`Not saved yet (${error.status ? error.message : "the server does not answer"}); keep this page open.`);
    if (how === "refused") this.trouble(`Not saved: ${error.message}. Reload the page to go on with what is saved.`);
  }
}

function onKey(event, desk) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { tagName } = event.target;
  if (["INPUT", "TEXTAREA", "SELECT"].includes(tagName) && event.target.type !== "range") {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const task = desk.task;
  if (!task) return;
  const key = event.key.toLowerCase();
  if (tagName === "BUTTON" && (key === " " || key === "enter")) return; // presses the button
  const pace = (by) => () => task.players.forEach((player) => player.setSpeed(player.pace + by));
  const direction = { arrowleft: -1, arrowright: 1 }[key];
  const playback = {
    " ": () => (task.toggle ? task.toggle() : task.player.toggle()),
    "-": pace(-1),
    "+": pace(1),
    "=": pace(1),
    0: () => task.players.forEach((player) => player.seek(0)),
    escape: () => desk.alone(() => desk.start()),
  };
  if (direction)
    for (const player of task.players) event.shiftKey ? player.jump(direction) : player.step(direction);
  else if (task.keys[key]) event.repeat || task.keys[key](); // a key that is held is one press
  else if (playback[key]) playback[key]();
  else return;
  event.preventDefault();
}

async function main() {
  const desk = new Desk({ faults: [], raters: [], episodes: 0, seconds: 0, pairs: 0 });
  window.playtape = desk; // for tests and for the curious
  $("who").onsubmit = (event) => {
    event.preventDefault();
    desk.alone(() => desk.begin("count"));
  };
  $("begin-compare").onclick = () => desk.alone(() => desk.begin("compare"));
  document.onkeydown = (event) => onKey(event, desk);
  // A button that was clicked gives the keyboard back, or the next space would press it again.
  document.addEventListener("click", (event) => event.detail && event.target.closest("button")?.blur());
  addEventListener("beforeunload", (event) => {
    if (desk.task?.saver?.unsaved) event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden && desk.task?.rating) desk.task.save();
  });
  await desk.start();
}

main();
