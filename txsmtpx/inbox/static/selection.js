// The selection of messages in the list, and the marks as read and unread.
"use strict";

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
