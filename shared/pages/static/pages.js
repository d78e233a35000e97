// Progressive enhancement only: every page works without this file.
document.body.classList.add("js-enabled", "govuk-frontend-supported");
const components = document.querySelector("script[data-components]").dataset.components;
const { initAll } = await import(components);
initAll();

// An element with data-refresh fetches its own page again after that many seconds and takes its new content, until the attribute is gone.
async function renew(element) {
  const response = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (response?.ok) {
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = page.getElementById(element.id);
    if (fresh && fresh.innerHTML !== element.innerHTML) {
      element.innerHTML = fresh.innerHTML;
      document.title = page.title;
    }
    if (!fresh?.dataset.refresh) {
      element.removeAttribute("data-refresh");
      return;
    }
  }
  setTimeout(() => renew(element), element.dataset.refresh * 1000);
}
for (const element of document.querySelectorAll("[data-refresh][id]")) {
  element.setAttribute("aria-live", "polite");
  setTimeout(() => renew(element), element.dataset.refresh * 1000);
}

// Submit a form with data-sends-itself to another service; without this file its button does.
document.querySelector("form[data-sends-itself]")?.submit();
