// Sliders over frames that were drawn beforehand: docs/_ext/frames.py writes the figure, this moves it.
document.querySelectorAll(".bn-frames").forEach((figure) => {
  const frames = JSON.parse(figure.querySelector("script").textContent);
  const together = figure.dataset.together === "true";
  const controls = [...figure.querySelectorAll("input, select")];
  const place = (control) =>
    control.type === "checkbox" ? Number(control.checked) : control.selectedIndex ?? Number(control.value);
  const start = controls.map(place);

  const put = (control, i) => {
    if (control.type === "checkbox") control.checked = Boolean(i);
    else if (control.tagName === "SELECT") control.selectedIndex = i;
    else control.value = i;
  };
  const say = (control) => {
    if (control.type !== "range") return;
    const value = control.dataset.values.split(" ")[control.value];
    control.setAttribute("aria-valuetext", value);
    control.parentElement.querySelector(".bn-value").textContent = value;
  };
  const move = (moved) => {
    if (!together) controls.forEach((control, i) => control === moved || put(control, start[i]));
    controls.forEach(say);
    const { src, alt, text } = frames[controls.map(place).join(",")];
    Object.assign(figure.querySelector("img"), { src, alt });
    figure.querySelector("pre").textContent = text;
  };
  controls.forEach((control, i) => {
    put(control, start[i]); // a browser that reloads a page keeps what was chosen, and the picture is the first one
    control.addEventListener("input", () => move(control));
  });
  figure.querySelector(".bn-controls").hidden = false;
});

// Two names that the theme leaves out, for those who hear the page.
document.querySelectorAll(".search-button-field").forEach((button) => button.removeAttribute("aria-label"));
document.querySelectorAll(".bd-sidebar summary").forEach((summary) => {
  const link = summary.closest("li").querySelector("a");
  summary.setAttribute("aria-label", `pages of ${link.textContent.trim()}`);
});
