/** A page that a browser kept as it was when it was left is as old as the login of then: it is loaded anew. */
addEventListener('pageshow', ({ persisted }) => {
  if (persisted) location.reload();
});
