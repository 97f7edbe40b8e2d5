// The choice of a mailbox in the head of the page.  The scripts of the pages are loaded before.
"use strict";

// The form is replaced with the list, so its button is hidden again each time.
function updateMailboxes() {
  for (const button of document.querySelectorAll(".without-script")) button.hidden = true;
}

document.addEventListener("change", (event) => {
  if (event.target.id !== "mailbox") return;
  const parameters = new URLSearchParams({ ...(searched() && { search: searched() }), ...(event.target.value && { mailbox: event.target.value }) });
  selected.clear();
  event.target.blur(); // so that keys are those of the page again
  show(ROOT.pathname + (parameters.size ? `?${parameters}` : ""));
});

keys.m = () => $("mailbox")?.focus();
addEventListener("selection", updateMailboxes);
updateMailboxes();
