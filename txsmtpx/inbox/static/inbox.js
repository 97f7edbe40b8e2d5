// The keys and the clicks of the pages.
"use strict";

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
["html", "text", "headers", "source", "markup", "parts", "checks"].forEach((view, n) => {
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
  if (form.method === "dialog" || form.matches(".preview")) return;
  event.preventDefault();
  if (form.matches(".check")) runCheck(form);
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
