// The chosen theme, before anything is drawn: a page that is light for a moment hurts at night.
(() => {
  const chosen = localStorage.getItem('theme');
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
})();
