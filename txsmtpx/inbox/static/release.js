// The dialog that releases messages: it sends them on to real recipients.  The scripts of the pages are loaded before.
"use strict";

let releasing = {}; // the messages of the dialog: the parameters ids or search

// Show the buttons that need this script, and name what they concern.
function updateRelease() {
  if ($("release-this")) $("release-this").hidden = false;
  const button = $("release-selected");
  if (!button) return;
  button.hidden = false;
  button.textContent = `Release ${selected.size || (searched() ? "found" : "all")}`;
}

function openRelease(which, to = "") {
  if (document.querySelector("dialog[open]")) return;
  releasing = which;
  const count = which.ids ? which.ids.split(",").length : 0;
  const what = count === 1 ? "this message" : count ? `${count} messages` : which.search ? "the messages found" : which.mailbox ? "the messages of this mailbox" : "all messages";
  $("release-title").textContent = `Release ${what}`;
  $("release-to").value = to;
  $("release-outcomes").replaceChildren();
  $("release-close").textContent = "Cancel";
  $("release-send").disabled = false;
  $("release").showModal();
  $("release-to").focus();
}

function closeRelease() {
  $("release").close();
  if (document.activeElement.closest("dialog")) document.activeElement.blur(); // so that keys work again at once
}

// The selected messages, or else the opened one, or else what the search finds.
function releaseChosen() {
  if (!selected.size && opened()) return openRelease({ ids: opened() }, $("release-this")?.dataset.to);
  openRelease(selection());
}

function addOutcome(text, released) {
  const line = document.createElement("p");
  line.className = released ? "outcome" : "outcome failed";
  line.textContent = text;
  $("release-outcomes").append(line);
}

async function sendRelease() {
  const to = $("release-to").value.split(/[,;\n]+/).map((each) => each.trim()).filter(Boolean).join(",");
  const parameters = { ...releasing, ...(to ? { to } : {}), ...($("release-new-id").checked ? {} : { keep_id: 1 }) };
  $("release-send").disabled = true;
  $("release-outcomes").replaceChildren("Sending …");
  try {
    const answer = await fetch(api("messages/release", parameters), { method: "POST" });
    const said = await answer.json();
    $("release-outcomes").replaceChildren();
    if (!answer.ok) return addOutcome(said.error, false);
    const total = document.createElement("p");
    total.textContent = `${said.released} sent, ${said.failed} failed.`;
    $("release-outcomes").append(total);
    const several = new Set(said.outcomes.map((each) => each.id)).size > 1;
    for (const each of said.outcomes) addOutcome(`${several ? `${each.id}, ` : ""}${each.recipient}: ${each.reply}`, each.released);
    $("release-close").textContent = "Close";
    if (opened()) show(location.href, false);
  } catch {
    $("release-outcomes").replaceChildren();
    addOutcome("The inbox did not answer. The log of the server has the outcomes.", false);
  } finally {
    $("release-send").disabled = false;
  }
}

keys.f = releaseChosen;
document.addEventListener("click", (event) => {
  if (event.target.id === "release-this") openRelease({ ids: opened() }, event.target.dataset.to);
  if (event.target.id === "release-selected") openRelease(selection());
  if (event.target.id === "release-close") closeRelease();
});
document.addEventListener("submit", (event) => event.target.id === "release-form" && sendRelease());
$("release-to").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    $("release-form").requestSubmit();
  }
});
addEventListener("selection", updateRelease);
updateRelease();
