// Update the pages of the inbox without loading them again.
//
// The pages work without this script, since all links and forms are ordinary ones.  The script fetches the page that the
// browser would load, and replaces the list and the message by those of the fetched page.
"use strict";

const $ = (id) => document.getElementById(id);
const ROOT = new URL("..", document.querySelector("link[rel=stylesheet]").href); // the inbox may be below a path
const rows = () => [...document.querySelectorAll("#list [data-id]")];
const boxes = () => [...document.querySelectorAll("#list .select")];
const current = () => rows().findIndex((row) => row.hasAttribute("aria-current"));
const opened = () => $("message").dataset.id;
const searched = () => new URLSearchParams(location.search).get("search") || "";
// What the list shows, as parameters of the API.
const found = () => Object.fromEntries([...new URLSearchParams(location.search)].filter(([name]) => ["search", "mailbox"].includes(name)));
const PANES = ["list", "message"];

// The page without a message, with the same list.
function front() {
  const parameters = new URLSearchParams(location.search);
  parameters.delete("undo");
  return ROOT.pathname + (parameters.size ? `?${parameters}` : "");
}

// The URL of a request to the API: `selection` has the parameters ids or search.
const api = (path, selection = {}) => {
  const parameters = new URLSearchParams(selection);
  return new URL(`api/${path}${parameters.size ? `?${parameters}` : ""}`, ROOT);
};

let turns = 0; // calls of show()
let loading = 0; // those that open a page, be it by "back", and are not done

async function show(url, push = true, ids = PANES) {
  const opens = ids === PANES;
  loading += opens;
  try {
    await load(url, push, ids);
  } finally {
    loading -= opens;
  }
}

async function load(url, push, ids) {
  const turn = ++turns;
  const answer = await fetch(url);
  if (!answer.ok && turn === turns && ids === PANES && url !== front()) return show(front()); // the message was deleted
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!answer.ok || turn !== turns) return; // a later call of show() has begun
  if (push) history.pushState(null, "", url);
  replacePanes(page, answer.url, ids);
}

// The URLs of the page are relative to its own URL, which may not be that of the document.
function resolve(page, base) {
  for (const name of ["href", "src", "action"]) {
    for (const each of page.querySelectorAll(`[${name}]`)) {
      const value = each.getAttribute(name);
      if (!/^[a-z]+:/i.test(value)) each.setAttribute(name, new URL(value, base).href);
    }
  }
}

function replacePanes(page, base, ids) {
  const before = new Set(rows().map((row) => row.dataset.id));
  const top = $("list").scrollTop;
  const focused = document.activeElement.closest("#list [data-id]")?.dataset.id;
  const tool = document.activeElement.closest("#list .tools [id], #list .select");
  resolve(page, base);
  for (const id of ids) $(id).replaceWith(document.adoptNode(page.getElementById(id)));
  for (const row of rows()) row.toggleAttribute("aria-current", row.dataset.id === opened());
  $("panes").className = page.getElementById("panes").className;
  $("panes").classList.toggle("opened", Boolean(opened()));
  if (document.activeElement !== $("mailbox")) $("mailboxes").replaceWith(document.adoptNode(page.getElementById("mailboxes")));
  $("clear").replaceWith(document.adoptNode(page.getElementById("clear")));
  const subject = opened() && ids !== PANES ? `${$("subject").innerText} · ` : "";
  document.title = subject + page.title;
  $("list").scrollTop = top;
  if (document.activeElement !== $("search")) $("search").value = page.getElementById("search").value;
  for (const row of rows()) {
    if (!before.has(row.dataset.id)) row.classList.add("new");
    if (row.dataset.id === focused) row.focus({ preventScroll: true });
  }
  if (tool) (tool.id ? $(tool.id) : boxes().find((box) => box.value === tool.value))?.focus({ preventScroll: true });
  updateTimes();
  updateSelection();
}

// Update the list after an event.  Update the other pane too, unless it shows a message.
let timer = null;
function refresh() {
  clearTimeout(timer);
  timer = setTimeout(() => {
    if (loading) refresh(); // it would take the place of the page that is opened
    else show(front(), false, opened() ? ["list"] : PANES);
  }, 100);
}

// ---- the selection

const selected = new Set();

function updateSelection() {
  const there = boxes();
  for (const id of [...selected]) if (!there.some((box) => box.value === id)) selected.delete(id);
  for (const box of there) {
    box.hidden = false;
    box.checked = selected.has(box.value);
  }
  dispatchEvent(new Event("selection"));
  if (!$("select-all")) return;
  $("select-all").parentElement.hidden = false;
  $("select-all").checked = there.length > 0 && selected.size === there.length;
  $("select-all").indeterminate = selected.size > 0 && selected.size < there.length;
  for (const form of document.querySelectorAll(".mark")) {
    const which = selected.size ? selected.size : searched() ? "found" : "all";
    form.querySelector("button").textContent = `Mark ${which} ${form.dataset.mark}`;
  }
  $("delete-selected").hidden = !selected.size;
  $("delete-selected").textContent = `Delete ${selected.size}`;
}

function toggle(id) {
  if (!selected.delete(id)) selected.add(id);
  updateSelection();
}

// What a button concerns: the selected messages, or else those that the search finds, or all.
function selection() {
  if (selected.size) return { ids: [...selected].join(",") };
  return found();
}

async function mark(read, which = selection()) {
  await fetch(api(`messages/${read}`, which), { method: "POST" });
  selected.clear();
  updateSelection();
  refresh();
}

function markOne(read) {
  const id = opened() || document.activeElement.closest("#list [data-id]")?.dataset.id;
  if (selected.size) mark(read);
  else if (id) mark(read, { ids: id });
}

// ---- deleting, and its undoing

let undoTimer = null;
let deletion = "";

async function discard(which) {
  const count = which.ids ? which.ids.split(",").length : 0;
  const answer = await fetch(api("messages", which), { method: "DELETE" });
  deletion = answer.headers.get("Deletion") || "";
  selected.clear();
  if (opened() && which.ids?.split(",").includes(opened())) show(front());
  else refresh();
  if (!deletion) return;
  $("undo").querySelector("span").textContent = count === 1 ? "1 message deleted." : `${count || "All found"} messages deleted.`;
  $("undo").hidden = false;
  clearTimeout(undoTimer);
  undoTimer = setTimeout(forget, 10000);
}

function forget() {
  deletion = "";
  $("undo").hidden = true;
}

async function undo() {
  const number = deletion;
  forget();
  if (number) await fetch(api(`deletions/${number}/undo`), { method: "POST" });
  refresh();
}

async function remove() {
  if (selected.size) return discard(selection());
  const id = opened();
  if (!id) return;
  const at = current();
  const next = at < 0 ? null : rows()[at + 1] || rows()[at - 1];
  await show(next ? next.href : front());
  await discard({ ids: id });
}

// ---- times

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

// ---- events

function listen() {
  const events = new EventSource(api("events"));
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
  for (const name of ["arrived", "missed", "changed"]) events.addEventListener(name, refresh);
  events.addEventListener("deleted", (event) => {
    if (String(JSON.parse(event.data).id) === opened()) show(front());
    else refresh();
  });
  addEventListener("pagehide", () => events.close());
  addEventListener("pageshow", (event) => event.persisted && location.reload());
}

// ---- keys and clicks

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

function toggleCurrent() {
  const id = document.activeElement.closest("#list [data-id]")?.dataset.id || opened();
  if (id) toggle(id);
}

const keys = {
  j: () => step(1),
  k: () => step(-1),
  "/": () => $("search").select(),
  "#": remove,
  Delete: remove,
  z: undo,
  x: toggleCurrent,
  r: () => markOne("read"),
  u: () => markOne("unread"),
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
  if (event.target.id === "delete-selected") return discard(selection());
  const link = event.target.closest("a");
  const plain = event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
  if (!link || !plain || link.target || link.matches("[download], .skip")) return;
  event.preventDefault();
  if (link.dataset.id) select(link);
  await show(link.href);
  const view = link.dataset.view;
  if (view) document.querySelector(`[data-view="${view}"]`).focus();
});

document.addEventListener("change", (event) => {
  if (event.target.matches(".select")) toggle(event.target.value);
  if (event.target.id === "select-all") {
    for (const box of boxes()) event.target.checked ? selected.add(box.value) : selected.delete(box.value);
    updateSelection();
  }
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method === "dialog") return;
  event.preventDefault();
  if (form.id === "delete") remove();
  if (form.id === "unread") mark("unread", { ids: opened() });
  if (form.id === "undo") undo();
  if (form.matches(".mark")) mark(form.dataset.mark);
  if (form.id === "clear") {
    const search = searched();
    if (confirm(search ? `Delete the messages that match “${search}”?` : found().mailbox ? "Delete all messages of this mailbox?" : "Delete all messages?")) discard(found());
  }
});

$("search").addEventListener("input", () => {
  const search = $("search").value.trim();
  const { mailbox } = found();
  const parameters = new URLSearchParams({ ...(search && { search }), ...(mailbox && { mailbox }) });
  history.replaceState(null, "", location.pathname + (parameters.size ? `?${parameters}` : ""));
  show(front(), false, opened() ? ["list"] : PANES);
});

addEventListener("popstate", () => {
  show(location.pathname + location.search, false);
});

// What stays when another page is shown; `replacePanes` resolves the rest.
for (const part of [document.head, document.querySelector(".bar")]) resolve(part, location.href);
$("keys").hidden = false;
$("keys").addEventListener("click", keys["?"]);
deletion = new URL($("undo").action).searchParams.get("restore");
if (!$("undo").hidden) undoTimer = setTimeout(forget, 10000);
updateTimes();
updateSelection();
setInterval(updateTimes, 15000);
listen();
