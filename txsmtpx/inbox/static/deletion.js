// Delete messages, and undo a deletion.
"use strict";

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
