// Notifications of new messages, if the user has asked for them and does not see the page.
"use strict";

const NOTIFY = "notify"; // the key in localStorage

const notifies = () => localStorage.getItem(NOTIFY) === "yes" && Notification.permission === "granted";

function notify(message) {
  if (!("Notification" in window) || !notifies() || (document.visibilityState === "visible" && document.hasFocus())) return;
  const options = { body: message.from, tag: String(message.id), icon: new URL("static/icon.svg", ROOT).href };
  try {
    const shown = new Notification(message.subject || "(no subject)", options);
    shown.addEventListener("click", () => {
      window.focus();
      show(new URL(`messages/${message.id}`, ROOT).href);
      shown.close();
    });
  } catch {
    localStorage.removeItem(NOTIFY); // Chrome on Android has notifications of service workers only
    updateNotify();
  }
}

function updateNotify() {
  const button = $("notify");
  button.hidden = !("Notification" in window) || !isSecureContext || Notification.permission === "denied";
  if (!button.hidden) button.setAttribute("aria-pressed", notifies());
}

async function toggleNotify() {
  if (notifies()) localStorage.removeItem(NOTIFY);
  else if ((await Notification.requestPermission()) === "granted") localStorage.setItem(NOTIFY, "yes");
  updateNotify();
}

$("notify").addEventListener("click", toggleNotify);
updateNotify();
