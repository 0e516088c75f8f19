// The live page: follows the feed, says when it is gone, and hands each frame to the charts and tables.
import { Figures } from "./figures.js";
import { setText } from "./table.js";

/** Frames come every second. Without one for this long the feed is gone; later it is requested anew. */
const GONE_MS = 4000;
const ANEW_MS = 15_000;
const REFUSED_MS = 5000;

const figures = new Figures();
const state = document.getElementById("state");
const pause = document.getElementById("pause");
let source = null;
let heardAt = Date.now();
let askedAt = 0;
let refusal = "";
let isPaused = false;

function connect() {
  source?.close();
  askedAt = Date.now();
  source = new EventSource("/live");
  source.onmessage = ({ data }) => take(JSON.parse(data));
  // A lost connection is tried again by the browser itself; a refused one is not.
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) {
      explain();
      setTimeout(connect, REFUSED_MS);
    }
  };
}

/** An EventSource does not say why it was refused. */
async function explain() {
  const stop = new AbortController();
  try {
    const response = await fetch("/live", { signal: stop.signal });
    refusal = response.ok ? "" : (await response.text()).slice(0, 200);
  } catch {
    refusal = "";
  } finally {
    stop.abort();
  }
}

function take(frame) {
  // The archiver was updated: this page is of its earlier version.
  if (frame.version !== document.documentElement.dataset.version) return location.reload();
  heardAt = Date.now();
  refusal = "";
  document.body.removeAttribute("data-unfed");
  pause.disabled = false;
  figures.note(frame);
  if (!isPaused) figures.draw();
  show();
}

function show() {
  const isGone = Date.now() - heardAt >= GONE_MS;
  document.body.toggleAttribute("data-gone", isGone);
  if (isGone) document.title = "Feed gone · Gossip Observer";
  state.dataset.state = isGone ? "gone" : isPaused ? "paused" : "live";
  const amiss = isGone ? "" : figures.amiss();
  state.toggleAttribute("data-amiss", amiss !== "");
  const since = new Date(heardAt).toISOString().slice(11, 19);
  const gone = [
    pause.disabled ? "There is no feed." : `The feed has been gone since ${since} UTC.`,
    "Trying again.",
    refusal === "" ? "" : `The archiver says: ${refusal}`,
  ];
  const text = `${isPaused ? "Paused" : "Live"} · ${amiss || "all well"}`;
  setText(state, isGone ? gone.join(" ") : text);
}

pause.onclick = () => {
  isPaused = !isPaused;
  pause.setAttribute("aria-pressed", String(isPaused));
  if (!isPaused) figures.draw();
  show();
};

setInterval(() => {
  const now = Date.now();
  if (now - heardAt >= GONE_MS) show();
  const isOpen = source.readyState !== EventSource.CLOSED;
  if (isOpen && now - Math.max(heardAt, askedAt) >= ANEW_MS) connect();
}, 1000);
connect();
