// The dream: what the server says becomes pictures, what hands do goes to the server. Nothing goes on while nobody looks.

const playtape = (window.playtape = { state: "connecting", frames: 0, number: -1 });
let socket, hands, view, panel;

const COVERS = {
  connecting: ["Connecting …", ""],
  ready: ["Play", "click, or press Enter"],
  paused: ["Paused", "click, or press Enter to go on"],
  ended: ["The dream is over", "click, or press Enter for another"],
  taken: ["Others play here", "close another page, then reload this one"],
  broken: ["This dream broke", "reload this page for another"],
  lost: ["The server is gone", "start it again, then reload this page"],
};

const MOUSE_HINT = "Esc pauses and lets the mouse go.";

function enter(state, why) {
  playtape.state = document.body.dataset.state = state;
  $("cover").hidden = state === "playing";
  const [title, text] = COVERS[state] ?? ["", ""];
  $("cover-title").textContent = title;
  $("cover-text").textContent = why ?? text;
  if (state !== "playing" && document.visibilityState === "visible") $("cover").focus({ preventScroll: true });
}

function say(message) {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

function sayHands() {
  if (playtape.state !== "playing") return;
  const axes = hands.take();
  panel.held(hands.held);
  say({ type: "hands", held: hands.held, axes });
  return axes;
}

function play() {
  if (!["ready", "paused", "ended"].includes(playtape.state)) return;
  if (playtape.state === "ended") restart();
  say({ type: "play" });
  enter("playing");
  document.activeElement?.blur();
  if (hands.mouse.length) holdMouse();
}

function pause() {
  if (playtape.state !== "playing") return;
  hands.free();
  say({ type: "pause" });
  panel.held([]);
  panel.rest();
  view.forget();
  enter("paused");
  if (document.pointerLockElement) document.exitPointerLock();
}

function restart() {
  playtape.frames = 0;
  say({ type: "restart" });
  view.forget();
  if (playtape.state === "ended") enter("ready");
}

// Mouse motion needs the mouse held; where it cannot be, keys play alone.
async function holdMouse() {
  const how = [{ unadjustedMovement: true }, undefined];
  for (const options of how) {
    try {
      await $("stage").requestPointerLock(options);
      $("hint").textContent = MOUSE_HINT;
      return;
    } catch (error) {
      if (error.name !== "NotSupportedError") break;
    }
  }
  $("hint").textContent = "The mouse is not held: click into the picture.";
}

function shown(message) {
  const frame = view.draw(message);
  playtape.number = frame.number;
  const moved = sayHands();
  if (moved) panel.moved(moved);
  say({ type: "seen", frame: frame.number });
  view.tell(frame, playtape.frames);
  playtape.frames += 1;
  if (frame.ended && playtape.state === "playing") {
    pause();
    enter("ended");
  }
}

function told(message) {
  if (message.type === "hello") return begin(message);
  if (message.type === "taken") return enter("taken", message.error);
  if (message.type === "error") enter("broken");
  $("trouble").textContent = message.error;
  $("trouble").hidden = false;
}

function begin(hello) {
  document.title = `${hello.world} · Playtape`;
  $("title").textContent = hello.world;
  $("about").textContent = `${hello.width} × ${hello.height} pixels, ${+hello.fps.toFixed(2)} frames a second`;
  $("wanted").textContent = `of ${+hello.fps.toFixed(2)}`;
  $("recorded").hidden = !hello.recorded;
  hands = new Hands(hello, sayHands);
  view = new Screen(hello);
  panel = new Panel(hands);
  const silent = !hello.told || hello.buttons.length + hello.axes.length === 0;
  const keys = hands.mouse.length ? MOUSE_HINT : "Esc pauses.";
  $("hint").textContent = silent ? "This world is told nothing: it shows what it expects." : keys;
  const ways = [0, ...(hello.fast ? [...new Set([1, 2, 4, 8, hello.passes])].filter(Boolean).sort((a, b) => a - b) : [])];
  for (const passes of ways) {
    const text = passes ? `fast, ${passes} ${passes === 1 ? "pass" : "passes"}` : "exact";
    $("way").append(element("option", text, { value: passes, selected: passes === hello.passes }));
  }
  $("way").disabled = ways.length === 1;
  enter("ready");
}

$("cover").onclick = play;
$("restart").onclick = () => {
  $("restart").blur();
  restart();
};
$("whole").onclick = async () => {
  $("whole").blur();
  await $("stage").requestFullscreen();
  navigator.keyboard?.lock?.().catch(() => {}); // else Ctrl+W would close the page
};
$("way").onchange = () => {
  $("way").blur();
  say({ type: "way", passes: Number($("way").value) });
  view.forget();
};

for (const kind of ["keydown", "keyup"])
  document.addEventListener(kind, (event) => {
    if (playtape.state !== "playing") return;
    if (event.key === "Escape") return pause();
    if (hands.key(event)) event.preventDefault();
  });
for (const kind of ["mousedown", "mouseup"])
  document.addEventListener(kind, (event) => {
    if (playtape.state !== "playing") return;
    const mine = hands.mouse.length ? document.pointerLockElement : event.target.closest?.("#stage");
    if (mine || kind === "mouseup") hands.button(event);
    if (mine) event.preventDefault();
    else if (kind === "mousedown" && hands.mouse.length && event.target.closest?.("#stage")) holdMouse();
  });
document.addEventListener("mousemove", (event) => {
  if (playtape.state === "playing" && document.pointerLockElement)
    hands.move({ "mouse.dx": event.movementX, "mouse.dy": event.movementY });
});
document.addEventListener(
  "wheel",
  (event) => {
    if (playtape.state !== "playing" || !document.pointerLockElement) return;
    event.preventDefault();
    hands.move({ "mouse.wheel": -Math.sign(event.deltaY), "mouse.hwheel": Math.sign(event.deltaX) });
  },
  { passive: false },
);
document.addEventListener("contextmenu", (event) => playtape.state === "playing" && event.preventDefault());
document.addEventListener("pointerlockchange", () => document.pointerLockElement || pause());
document.addEventListener("visibilitychange", () => document.hidden && pause());
window.addEventListener("blur", pause);

socket = new WebSocket(`ws://${location.host}/dream`);
socket.binaryType = "arraybuffer";
socket.onmessage = ({ data }) => (typeof data === "string" ? told(JSON.parse(data)) : shown(data));
socket.onclose = () => ["taken", "broken"].includes(playtape.state) || enter("lost");
