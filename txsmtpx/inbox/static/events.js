// Update the pages after events of the server.
"use strict";

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
  events.addEventListener("arrived", (event) => notify(JSON.parse(event.data)));
  events.addEventListener("deleted", (event) => {
    const id = String(JSON.parse(event.data).id);
    if (id === opened() && !discarded.has(id)) show(front());
    else refresh();
  });
  addEventListener("pagehide", () => events.close());
  addEventListener("pageshow", (event) => event.persisted && location.reload());
}
