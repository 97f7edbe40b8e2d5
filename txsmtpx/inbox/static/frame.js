// The keyboard after a click into the message.
//
// The message is a document without scripts and without an origin, so its key presses do not reach this page.  After a
// click into it, the focus returns to the page.  The message gets it back for the keys that copy and scroll.
"use strict";

const SCROLLING = ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "PageUp", "PageDown", "Home", "End", " "];
const LENT = 1500; // milliseconds for which the message keeps the focus after such a key

let tabbed = false; // the focus moves by the Tab key, and stays
let lent = false;
let clicked = false;

const frame = () => document.querySelector("iframe.html");

function returnFocus() {
  if (document.activeElement !== frame() || frame() === null) return;
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
  // The active element is the frame after this event.
  setTimeout(() => {
    if (!tabbed && !lent) returnFocus();
    tabbed = false;
  });
});

document.addEventListener("keydown", (event) => {
  tabbed = event.key === "Tab";
  if (tabbed || !clicked || document.activeElement !== $("message") || frame() === null) return;
  const copies = event.key === "Control" || event.key === "Meta";
  if (copies || (SCROLLING.includes(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey)) lendFocus();
});
document.addEventListener("focusin", (event) => {
  if (event.target !== $("message") && event.target !== frame()) clicked = false;
});
