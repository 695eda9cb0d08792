"use strict";
// Before anything is shown: what works only with this program appears, and the chosen colours hold.
document.documentElement.classList.add("js");
try {
  const theme = localStorage.getItem("runner-theme");
  if (theme) document.documentElement.dataset.theme = theme;
} catch { /* Pages from disk may have no storage; then the choice lasts as long as the page. */ }
