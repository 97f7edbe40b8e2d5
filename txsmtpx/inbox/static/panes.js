// The list and the message of a page, and how those of another page take their place.
//
// The pages work without scripts, since all links and forms are ordinary ones.  The scripts fetch the page that the
// browser would load, and replace the list and the message by those of the fetched page.
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
  for (const name of ["undo", "remote", "run"]) parameters.delete(name);
  return ROOT.pathname + (parameters.size ? `?${parameters}` : "");
}

// The URL of a request to the API: `selection` has the parameters ids, search or mailbox.
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

async function load(url, push, ids, options = {}) {
  const turn = ++turns;
  const answer = await fetch(url, options);
  if (!answer.ok && turn === turns && ids === PANES && url !== front()) return show(front()); // the message was deleted
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!answer.ok || turn !== turns) return; // a later call of show() has begun
  if (push) history.pushState(null, "", url);
  replacePanes(page, answer.url, ids);
}

// Run a check of a message, which another server answers.
async function runCheck(form) {
  const button = form.querySelector("button");
  button.disabled = true;
  button.textContent = "Waiting for the answer";
  await load(form.action, false, PANES, { method: "POST" });
  button.disabled = false;
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
  const focus = keepFocus();
  const marked = rows()[current()]?.dataset.id; // which may be the next message to be shown
  resolve(page, base);
  for (const id of ids) $(id).replaceWith(document.adoptNode(page.getElementById(id)));
  for (const row of rows()) row.toggleAttribute("aria-current", row.dataset.id === ((ids !== PANES && marked) || opened()));
  $("panes").className = page.getElementById("panes").className;
  $("panes").classList.toggle("opened", Boolean(opened()));
  if (document.activeElement !== $("mailbox")) $("mailboxes").replaceWith(document.adoptNode(page.getElementById("mailboxes")));
  $("clear").replaceWith(document.adoptNode(page.getElementById("clear")));
  const subject = opened() && ids !== PANES ? `${$("subject").innerText} · ` : "";
  const [count] = page.title.match(/^\([0-9]+\) /) || [""];
  document.title = count + subject + page.title.slice(count.length);
  $("list").scrollTop = top;
  if (document.activeElement !== $("search")) $("search").value = page.getElementById("search").value;
  for (const row of rows()) {
    if (!before.has(row.dataset.id)) row.classList.add("new");
  }
  updateTimes();
  updateSelection();
  focus();
}

// Return a function that brings the focus back after elements were replaced.  If the element is gone, the focus goes to
// the one at its place.
function keepFocus() {
  const element = document.activeElement;
  const places = [rows, boxes, () => [...document.querySelectorAll("#list button, #list #select-all, #clear button")]];
  const place = places.find((each) => each().includes(element));
  const at = place?.().indexOf(element);
  const same = (each) => each.id === element.id && each.dataset.id === element.dataset.id && each.value === element.value;
  return () => {
    if (element.isConnected && element.checkVisibility()) return;
    const there = place ? place().filter((each) => each.checkVisibility()) : [];
    const next = there.find(same) || there[at] || there.at(-1);
    if (place || element !== document.body) (next || $("message")).focus({ preventScroll: true });
  };
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
