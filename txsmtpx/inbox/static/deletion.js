// Delete messages, and undo a deletion.
"use strict";

let undoTimer = null;
let deletion = "";
const discarded = new Set(); // messages that this page has deleted

// Remove the rows of messages that are deleted.  The mark and the focus of such a row go to the next one.
function drop(ids) {
  for (const row of rows().filter((each) => ids.includes(each.dataset.id))) {
    const next = neighbour(row);
    const focused = row.closest("li").contains(document.activeElement);
    if (next && row.hasAttribute("aria-current")) select(next);
    row.closest("li").remove();
    if (focused) (next || $("message")).focus({ preventScroll: true });
  }
}

function neighbour(row) {
  const at = rows().indexOf(row);
  return rows()[at + 1] || rows()[at - 1];
}

// Delete messages.  If the one that is open is among them, the one that is marked then is opened.
async function discard(which) {
  const ids = which.ids ? which.ids.split(",") : [];
  for (const id of ids) discarded.add(id);
  const answer = await fetch(api("messages", which), { method: "DELETE" });
  drop(ids);
  deletion = answer.headers.get("Deletion") || "";
  selected.clear();
  if (discarded.has(opened())) show(rows()[current()]?.href || front());
  else refresh();
  if (!deletion) return;
  $("undo").querySelector("span").textContent =
    ids.length === 1 ? "1 message deleted." : `${ids.length || "All found"} messages deleted.`;
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
  discarded.clear();
  if (Number(number)) await fetch(api(`deletions/${number}/undo`), { method: "POST" });
  refresh();
}

// Delete what is selected, or else the message that is open or has the focus.  The next row is marked before the server
// has answered, so that two key presses delete two messages.
async function remove() {
  if (selected.size) return discard(selection());
  const row = rows()[current()] || document.activeElement.closest("#list [data-id]");
  const id = row?.dataset.id || opened();
  if (!id) return;
  const next = row && neighbour(row);
  if (next && row.hasAttribute("aria-current")) select(next);
  await discard({ ids: id });
}
