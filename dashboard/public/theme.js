// The chosen theme, before anything is drawn: a page that is light for a moment hurts at night.
(() => {
  try {
    const chosen = localStorage.getItem('theme');
    if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
  } catch {
    // A browser that keeps nothing shows what the system has.
  }
})();
