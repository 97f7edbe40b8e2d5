// Update the pages of the inbox without loading them again.
//
// The pages work without this script, since all links and forms are ordinary ones.  The script fetches the page that the
// browser would load, and replaces the list and the message by those of the fetched page.
"use strict";

const $ = (id) => document.getElementById(id);
const rows = () => [...document.querySelectorAll("#list [data-id]")];
const current = () => rows().findIndex((row) => row.hasAttribute("aria-current"));
const opened = () => $("message").dataset.id;
const front = () => "/" + location.search;
const PANES = ["list", "message"];

let turns = 0; // calls of show()
let loading = 0; // those that open a page, and are not done

async function show(url, push = true, ids = PANES) {
  loading += push;
  try {
    await load(url, push, ids);
  } finally {
    loading -= push;
  }
}

async function load(url, push, ids) {
  const turn = ++turns;
  const answer = await fetch(url);
  if (!answer.ok && turn === turns && ids === PANES && url !== front()) return show(front()); // the message was deleted
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!answer.ok || turn !== turns) return; // a later call of show() has begun
  if (push) history.pushState(null, "", url);
  replacePanes(page, ids);
}

function replacePanes(page, ids) {
  const before = new Set(rows().map((row) => row.dataset.id));
  const top = $("list").scrollTop;
  const focused = document.activeElement.closest("#list [data-id]")?.dataset.id;
  for (const id of ids) $(id).replaceWith(document.adoptNode(page.getElementById(id)));
  $("panes").className = page.getElementById("panes").className;
  $("clear").hidden = page.getElementById("clear").hidden;
  document.title = page.title;
  $("list").scrollTop = top;
  if (document.activeElement !== $("search")) $("search").value = page.getElementById("search").value;
  for (const row of rows()) {
    if (!before.has(row.dataset.id)) row.classList.add("new");
    if (row.dataset.id === focused) row.focus({ preventScroll: true });
  }
  updateTimes();
}

// Update the list after an event.  Update the other pane too, unless it shows a message.
let timer = null;
function refresh() {
  clearTimeout(timer);
  timer = setTimeout(() => {
    if (loading) refresh(); // it would take the place of the page that is opened
    else show(location.pathname + location.search, false, opened() ? ["list"] : PANES);
  }, 100);
}

const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });
const UNITS = [["second", 60], ["minute", 60], ["hour", 24], ["day", 30], ["month", 12], ["year", Infinity]];

function ago(when) {
  let past = (when - Date.now()) / 1000;
  if (past > -10) return "just now";
  for (const [unit, many] of UNITS) {
    if (-past < many) return relative.format(Math.round(past), unit);
    past /= many;
  }
}

function updateTimes() {
  for (const time of document.querySelectorAll("time")) {
    const when = new Date(time.dateTime);
    time.title = when.toLocaleString();
    time.textContent = "long" in time.dataset ? `${when.toLocaleString()} (${ago(when)})` : ago(when);
  }
}

function listen() {
  const events = new EventSource("/api/events");
  const showState = (lost) => {
    $("live").hidden = false;
    $("live").classList.toggle("lost", lost);
    $("live").textContent = lost ? "reconnecting" : "live";
  };
  events.onopen = () => {
    showState(false);
    refresh(); // messages may have arrived since the page was loaded
  };
  events.onerror = () => showState(true);
  events.addEventListener("arrived", refresh);
  events.addEventListener("missed", refresh);
  events.addEventListener("changed", refresh);
  events.addEventListener("deleted", (event) => {
    if (String(JSON.parse(event.data).id) === opened()) show(front());
    else refresh();
  });
  addEventListener("pagehide", () => events.close());
  addEventListener("pageshow", (event) => event.persisted && location.reload());
}

// Mark the row before its page is fetched, so that two key presses move by two rows.
function select(row) {
  for (const each of rows()) each.toggleAttribute("aria-current", each === row);
}

async function step(by) {
  const at = current();
  const row = rows()[at < 0 ? 0 : at + by];
  if (!row) return;
  select(row);
  await show(row.href);
  rows()[current()]?.scrollIntoView({ block: "nearest" });
}

async function remove() {
  const id = opened();
  if (!id) return;
  const at = current();
  const next = at < 0 ? null : rows()[at + 1] || rows()[at - 1];
  await show(next ? next.href : front());
  await fetch(`/api/messages/${id}`, { method: "DELETE" });
}

const keys = {
  j: () => step(1),
  k: () => step(-1),
  "/": () => $("search").select(),
  "#": remove,
  Delete: remove,
  Escape: () => opened() && show(front()),
  "?": () => $("help").showModal(),
};
["html", "text", "headers", "source"].forEach((view, n) => {
  keys[n + 1] = () => document.querySelector(`[data-view="${view}"]`)?.click();
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("dialog")) return;
  if (event.target === $("search")) {
    if (event.key === "Escape") $("search").blur();
    if (event.key === "ArrowDown") rows()[0]?.focus();
  } else if (Object.hasOwn(keys, event.key)) {
    event.preventDefault();
    keys[event.key]();
  }
});

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a");
  const plain = event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
  if (!link || !plain || link.target || link.matches("[download], .skip")) return;
  event.preventDefault();
  if (link.dataset.id) select(link);
  await show(link.href);
  const view = link.dataset.view;
  if (view) document.querySelector(`[data-view="${view}"]`).focus();
});

document.addEventListener("submit", (event) => {
  if (event.target.method === "dialog") return;
  event.preventDefault();
  if (event.target.id === "delete") remove();
  if (event.target.id === "clear" && confirm("Delete all messages?")) fetch("/api/messages", { method: "DELETE" });
});

$("search").addEventListener("input", () => {
  const search = $("search").value.trim();
  history.replaceState(null, "", location.pathname + (search ? "?" + new URLSearchParams({ search }) : ""));
  show(location.pathname + location.search, false, opened() ? ["list"] : PANES);
});

addEventListener("popstate", () => {
  show(location.pathname + location.search, false);
});

$("keys").hidden = false;
$("keys").addEventListener("click", keys["?"]);
updateTimes();
setInterval(updateTimes, 15000);
listen();
