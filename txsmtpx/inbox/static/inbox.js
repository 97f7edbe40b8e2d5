// What makes the pages of the inbox live.  They work without it: each link and form here is an ordinary one, and a page
// that is fetched is the one that the browser would have gone to.  Its list and its message take the place of those shown.
"use strict";

const $ = (id) => document.getElementById(id);
const rows = () => [...document.querySelectorAll("#list [data-id]")];
const current = () => rows().findIndex((row) => row.hasAttribute("aria-current"));
const opened = () => $("message").dataset.id;
const front = () => "/" + location.search;
const ALL = ["list", "message"];

let asked = 0;

async function show(url, push = true, ids = ALL) {
  const turn = ++asked;
  const answer = await fetch(url);
  if (!answer.ok && turn === asked && ids === ALL && url !== front()) return show(front()); // it is gone
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!answer.ok || turn !== asked) return; // somebody has asked for something else meanwhile
  if (push) history.pushState(null, "", url);
  put(page, ids);
}

function put(page, ids) {
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
  tellTimes();
}

// After something has happened: the list, and what stands beside it unless somebody reads it.
let soon = null;
function refresh() {
  clearTimeout(soon);
  soon = setTimeout(() => show(location.pathname + location.search, false, opened() ? ["list"] : ALL), 100);
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

function tellTimes() {
  for (const time of document.querySelectorAll("time")) {
    const when = new Date(time.dateTime);
    time.title = when.toLocaleString();
    time.textContent = "long" in time.dataset ? `${when.toLocaleString()} (${ago(when)})` : ago(when);
  }
}

function listen() {
  const events = new EventSource("/api/events");
  const say = (lost) => {
    $("live").hidden = false;
    $("live").classList.toggle("lost", lost);
    $("live").textContent = lost ? "reconnecting" : "live";
  };
  events.onopen = () => {
    say(false);
    refresh(); // for what has come between the page and this
  };
  events.onerror = () => say(true);
  events.addEventListener("arrived", refresh);
  events.addEventListener("missed", refresh);
  events.addEventListener("deleted", (event) => {
    if (String(JSON.parse(event.data).id) === opened()) show(front());
    else refresh();
  });
  addEventListener("pagehide", () => events.close());
  addEventListener("pageshow", (event) => event.persisted && location.reload());
}

// At once, so that who presses a key twice moves two rows.
function choose(row) {
  for (const each of rows()) each.toggleAttribute("aria-current", each === row);
}

async function step(by) {
  const at = current();
  const row = rows()[at < 0 ? 0 : at + by];
  if (!row) return;
  choose(row);
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
  if (link.dataset.id) choose(link);
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
  show(location.pathname + location.search, false, opened() ? ["list"] : ALL);
});

addEventListener("popstate", () => {
  show(location.pathname + location.search, false);
});

$("keys").hidden = false;
$("keys").addEventListener("click", keys["?"]);
tellTimes();
setInterval(tellTimes, 15000);
listen();
