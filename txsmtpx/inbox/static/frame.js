// The keyboard after a click into the message.
//
// The message is a document without scripts and without an origin, so its key presses do not reach this page.  After a
// click into it, the focus returns to the page.  The message gets it back for the keys that copy and scroll.
"use strict";

const SCROLLING = ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "PageUp", "PageDown", "Home", "End", " "];
const LENT = 1500; // milliseconds for which the message keeps the focus after such a key

const LOOK = 250; // milliseconds between two looks for a focus of which no event has told

let tabbed = false; // the last key was Tab
let entered = false; // the focus has moved into the message by Tab, and stays there
let lent = false;
let clicked = false;

const frame = () => document.querySelector("iframe.html");

function returnFocus() {
  if (entered || lent || document.activeElement !== frame() || frame() === null) return;
  clicked = true;
  $("message").focus({ preventScroll: true });
}

function lendFocus() {
  lent = true;
  frame().focus({ preventScroll: true });
  setTimeout(() => {
    lent = false;
    returnFocus();
  }, LENT);
}

addEventListener("blur", () => {
  entered = tabbed;
  tabbed = false;
  setTimeout(returnFocus); // the active element is the frame after this event
});
setInterval(returnFocus, LOOK);

document.addEventListener("keydown", (event) => {
  tabbed = event.key === "Tab";
  if (tabbed || !clicked || document.activeElement !== $("message") || frame() === null) return;
  const copies = event.key === "Control" || event.key === "Meta";
  if (copies || (SCROLLING.includes(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey)) lendFocus();
});
document.addEventListener("focusin", (event) => {
  if (event.target !== frame()) entered = false;
  if (event.target !== $("message") && event.target !== frame()) clicked = false;
});
