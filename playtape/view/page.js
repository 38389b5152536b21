// The page: which recording, which frame, and keeping video, overlay, lanes and numbers on the same frame.

const content = JSON.parse($("data").textContent);
const video = $("video");
let model,
  overlay,
  timeline,
  about,
  drawn = [],
  shown = 0,
  wanted = null,
  source = "none",
  url = null,
  shortest = 0,
  measured = false,
  pending = null;

// ---- one recording -------------------------------------------------------------------------------------------------

function select(number) {
  const entry = content.recordings[number];
  model = new Model(entry);
  about = entry.video;
  shown = 0;
  wanted = null;
  source = "none";
  measured = false;
  shortest = model.frameCount > 1 ? Math.min(...gaps(model.time)) : 1e7;
  overlay = new Overlay($("overlay"), model);
  timeline = new Timeline($("timeline"), $("overview"), model, seek);
  timeline.listen(() => timeline.draw());
  $("recording").value = number;
  $("title").textContent = entry.name;
  $("about").textContent = [
    ...Object.values(entry.about),
    `${model.frameCount.toLocaleString()} frames`,
    `${(model.end - model.start).toFixed(1)} s`,
  ].join(" · ");
  $("frames").textContent = `of ${model.frameCount - 1}`;
  $("frame").max = model.frameCount - 1;
  for (const id of ["previous-difference", "next-difference"]) $(id).hidden = !model.differences;
  legend();
  heads();
  load(number);
  draw(0);
}

function* gaps(time) {
  for (let t = 1; t < time.length; t++) yield time[t] - time[t - 1];
}

function load(number) {
  if (url) URL.revokeObjectURL(url);
  const embedded = $(`video-${number}`);
  url = embedded ? URL.createObjectURL(new Blob([bytes(embedded.textContent)], { type: "video/mp4" })) : null;
  $("no-video").hidden = Boolean(url || about.source);
  $("no-video").textContent = about.note;
  if (url || about.source) video.src = url || about.source;
  else video.removeAttribute("src");
  video.onerror = () => {
    $("no-video").hidden = false;
    $("no-video").textContent = `This browser cannot show the video. ${about.note}`;
  };
  video.onloadedmetadata = () => {
    $("stage").style.aspectRatio = `${video.videoWidth} / ${video.videoHeight}`;
    video.playbackRate = Number($("speed").value);
    draw(shown);
  };
}

// ---- time ----------------------------------------------------------------------------------------------------------

// The player's seconds in the middle of a frame, so that rounding can never show its neighbour.
function secondsOf(t) {
  return (model.time[t] + Math.min(model.endOf(t) - model.time[t], 1e8) / 2 - about.offset_ns) / 1e9;
}

// The frame that the player shows at `seconds` of its own clock, which may lag the stamps by rounding.
function frameOf(seconds) {
  return Math.min(model.frameAt(seconds * 1e9 + about.offset_ns + shortest / 4), Math.max(0, about.frames - 1));
}

function seek(t) {
  const frame = Math.max(0, Math.min(model.frameCount - 1, t));
  if (!measured) pending = frame;
  else if (video.readyState && frame < about.frames) {
    wanted = frame;
    video.currentTime = secondsOf(frame);
  }
  draw(frame);
}

// Browsers differ in whether a video that starts late starts at 0 on their clock: the first picture tells which it is.
function measure(seconds) {
  measured = true;
  const off = (offset) => Math.abs(seconds * 1e9 + offset - model.time[0]);
  if (seconds !== null && off(model.time[0]) < off(about.offset_ns)) about.offset_ns = model.time[0];
  if (pending !== null) {
    const frame = pending;
    pending = null;
    seek(frame);
  }
}

function onPicture(seconds, from) {
  if (!measured) measure(from === "frame callback" ? seconds : null);
  source = from;
  const frame = frameOf(seconds);
  if (wanted !== null && video.seeking) return; // a newer seek is under way: its picture comes next
  wanted = null;
  if (frame !== shown) {
    draw(frame);
    timeline.follow(frame);
    timeline.draw();
  }
}

function watch() {
  if ("requestVideoFrameCallback" in HTMLVideoElement.prototype) {
    const next = (_, meta) => {
      onPicture(meta.mediaTime, "frame callback");
      video.requestVideoFrameCallback(next);
    };
    video.requestVideoFrameCallback(next);
  } else {
    const next = () => {
      if (!video.paused) onPicture(video.currentTime, "clock");
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  }
  video.addEventListener("loadeddata", () => {
    if (!("requestVideoFrameCallback" in HTMLVideoElement.prototype)) measure(null);
  });
  // Without a callback for the picture (or before one), the clock itself tells once a seek is over.
  video.addEventListener("seeked", () => {
    if (source !== "frame callback") onPicture(video.currentTime, "clock");
    else wanted = null;
  });
}

// ---- drawing -------------------------------------------------------------------------------------------------------

function draw(t) {
  shown = t;
  drawn = $("show-overlay").checked ? overlay.draw(t) : (sharp($("overlay"), 1, 1), []);
  timeline.follow(t);
  timeline.draw();
  now(t);
  if (document.activeElement !== $("frame")) $("frame").value = t;
  const canvas = $("timeline");
  canvas.setAttribute("aria-valuemin", 0);
  canvas.setAttribute("aria-valuemax", model.frameCount - 1);
  canvas.setAttribute("aria-valuenow", t);
  canvas.setAttribute("aria-valuetext", `frame ${t}, ${(model.time[t] / 1e9).toFixed(3)} seconds`);
}

function tint(s) {
  return model.sides[s].label === "predicted" ? "side-1" : "side-0";
}

function heads() {
  const row = element("tr");
  row.append(element("th", "input"), ...model.sides.map((side) => element("th", side.label)));
  if (model.sides.some((side) => side.probability.length)) row.append(element("th", "P(held)"));
  $("now-head").replaceChildren(row);
}

// The exact actions[t] under the cursor, as a table that can be read and copied.
function now(t) {
  const last = t >= model.rows,
    start = model.time[t] / 1e6,
    end = model.endOf(t) / 1e6;
  $("now-title").textContent = `actions[${t}]`;
  $("now-time").textContent = last
    ? `from ${start.toFixed(3)} ms: the last frame has no interval`
    : `[${start.toFixed(3)}, ${end.toFixed(3)}) ms`;
  const judged = model.sides.findIndex((side) => side.probability.length),
    rows = [];
  model.used.forEach((b) => {
    const held = model.sides.map((side) => side.held[b][t]),
      row = element("tr", undefined, { className: new Set(held).size > 1 ? "differs" : "" });
    row.append(element("td", model.buttons[b]));
    held.forEach((on, s) => {
      const cell = element("td", on ? undefined : "·", { className: on ? tint(s) : "off" });
      if (on) cell.append(element("b", "held"));
      row.append(cell);
    });
    if (judged >= 0) {
      const p = model.probability(judged, b, t);
      row.append(element("td", p === null ? "" : p.toFixed(2)));
    }
    rows.push(row);
  });
  model.usedAxes.forEach((a) => {
    const row = element("tr");
    row.append(
      element("td", model.axes[a].name),
      ...model.sides.map((side) => element("td", String(side.axes[a][t]), { className: side.axes[a][t] ? "" : "off" })),
    );
    if (judged >= 0) row.append(element("td", ""));
    rows.push(row);
  });
  const texts = model.spans
    .filter(([from, to]) => from <= model.time[t] && model.time[t] < to)
    .map(([, , kind, value]) => `${kind}: ${value}`);
  if (texts.length) {
    const row = element("tr");
    row.append(element("td", texts.join(", "), { colSpan: 9, className: "text" }));
    rows.push(row);
  }
  $("now-rows").replaceChildren(...rows);
}

function legend() {
  const items = model.sides.map((side, s) => [`var(--${tint(s)})`, side.label]);
  if (model.sides.length > 1) items.push(["var(--wrong)", "differs"]);
  $("legend").replaceChildren(
    ...items.map(([fill, text]) => {
      const item = element("li");
      const dot = element("i");
      dot.style.background = fill;
      item.append(dot, text);
      return item;
    }),
  );
}

// ---- metrics -------------------------------------------------------------------------------------------------------

function metrics() {
  const found = content.metrics;
  if (!found) return;
  const columns = [
    ["value", "value"],
    ["interval", "95 % interval"],
    ["never_pressed", "never pressed"],
    ["copy_previous", "copy previous"],
    ["mean", "mean"],
  ];
  const head = element("tr"),
    rows = [],
    number = (v) => (v === null || v === undefined ? "–" : Math.abs(v) < 1000 ? v.toFixed(3) : v.toPrecision(3));
  head.append(element("th", "metric"), ...columns.map(([, text]) => element("th", text)));
  let group = null;
  for (const row of found.rows) {
    if (row.group !== group) {
      group = row.group;
      const line = element("tr");
      line.append(element("th", group, { colSpan: 6, scope: "rowgroup" }));
      rows.push(line);
    }
    const line = element("tr"),
      better = { lower: " ↓", one: " →1" }[row.better] || "";
    line.append(element("td", row.title + better));
    for (const [key] of columns)
      line.append(
        element(
          "td",
          key === "interval" ? (row.low === null ? "" : `[${number(row.low)}, ${number(row.high)}]`) : number(row[key]),
        ),
      );
    rows.push(line);
  }
  $("metrics").hidden = false;
  $("metrics-note").textContent =
    `↓ lower is better, →1 is right at 1, all others: higher is better. Intervals: ${found.note}.`;
  $("metrics-head").replaceChildren(head);
  $("metrics-rows").replaceChildren(...rows);
  content.notes.push(...found.warnings);
}

// ---- controls ------------------------------------------------------------------------------------------------------

function toggle() {
  if (video.paused) video.play();
  else video.pause();
}
function step(frames) {
  video.pause();
  seek((wanted ?? shown) + frames);
}
function jump(seconds) {
  video.pause();
  seek(model.frameAt(model.time[shown] + seconds * 1e9));
}
function difference(direction) {
  if (model.differences) {
    video.pause();
    seek(model.difference(shown, direction));
  }
}
function zoom(factor) {
  timeline.zoom(factor);
  timeline.draw();
}

const KEYS = {
  " ": toggle,
  n: () => difference(1),
  p: () => difference(-1),
  "+": () => zoom(0.6),
  "=": () => zoom(0.6),
  "-": () => zoom(1 / 0.6),
  0: () => {
    timeline.showAll();
    timeline.draw();
  },
  Home: () => step(-model.frameCount),
  End: () => step(model.frameCount),
};

function controls() {
  const clicks = {
    play: toggle,
    back: () => step(-1),
    forward: () => step(1),
    "previous-difference": KEYS.p,
    "next-difference": KEYS.n,
    "zoom-in": KEYS["+"],
    "zoom-out": KEYS["-"],
    "zoom-all": KEYS[0],
  };
  for (const [id, action] of Object.entries(clicks)) $(id).onclick = action;
  $("speed").onchange = () => {
    video.playbackRate = Number($("speed").value);
  };
  $("frame").onchange = () => seek(Math.round(Number($("frame").value)) || 0);
  $("show-overlay").onchange = () => draw(shown);
  video.onplay = () => {
    $("play").textContent = "❚❚ pause";
    $("play").setAttribute("aria-label", "Pause");
  };
  video.onpause = () => {
    $("play").textContent = "▶ play";
    $("play").setAttribute("aria-label", "Play");
  };
  document.onkeydown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || ["INPUT", "SELECT"].includes(event.target.tagName)) return;
    const direction = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (direction) {
      if (event.shiftKey) jump(direction);
      else step(direction);
    } else if (KEYS[event.key] && !(event.key === " " && event.target.tagName === "BUTTON")) KEYS[event.key]();
    else return;
    event.preventDefault();
  };
  $("recording").append(...content.recordings.map((entry, i) => element("option", entry.name, { value: i })));
  $("recording").onchange = () => {
    video.pause();
    select(Number($("recording").value));
  };
  $("chooser").hidden = content.recordings.length < 2;
  new ResizeObserver(() => draw(shown)).observe($("stage"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw(shown));
}

controls();
metrics();
watch();
select(0);
$("notes").replaceChildren(...content.notes.map((text) => element("li", text)));
const start = /frame=(\d+)/.exec(location.hash);
if (start) seek(Number(start[1]));

// What is drawn, for tests and for the curious.
window.playtape = {
  state: () => ({
    recording: model.name,
    frame: shown,
    time_ns: model.time[shown],
    drawn,
    actions: model.sides.map((_, s) => model.actions(s, shown)),
    settled: measured && wanted === null && !video.seeking && video.readyState >= 2,
    source,
    media_time: video.currentTime,
    playing: !video.paused,
  }),
  seek,
  select,
  toggle,
};
