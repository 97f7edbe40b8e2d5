// The ages of messages.
"use strict";

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
