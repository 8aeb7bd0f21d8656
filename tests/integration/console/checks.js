// What a careful reader of a page looks at; answers a list of complaints.
() => {
  const complaints = [];
  const text = (element) => (element.textContent || "").trim().slice(0, 40);
  const root = document.documentElement;
  if (root.scrollWidth > window.innerWidth) complaints.push(`page is ${root.scrollWidth} wide in ${window.innerWidth}`);

  const levels = [...document.querySelectorAll("h1,h2,h3,h4,h5,h6")].map((one) => Number(one.tagName[1]));
  if (levels.filter((level) => level === 1).length !== 1) complaints.push("not exactly one h1");
  levels.forEach((level, place) => {
    if (place && level > levels[place - 1] + 1) complaints.push(`h${level} follows h${levels[place - 1]}`);
  });

  for (const field of document.querySelectorAll("input:not([type=hidden]),select,textarea")) {
    if (!field.labels.length && !field.getAttribute("aria-label")) complaints.push(`no label: ${field.name}`);
  }
  for (const table of document.querySelectorAll("table")) {
    const heads = [...table.querySelectorAll("thead th")];
    if (!heads.length || heads.some((head) => !text(head))) complaints.push(`a table's column has no header: ${text(table)}`);
  }
  for (const control of document.querySelectorAll("a,button")) {
    if (!text(control) && !control.getAttribute("aria-label")) complaints.push("a control has no name");
  }
  for (const image of document.querySelectorAll("img:not([alt])")) complaints.push(`no alt: ${image.src}`);
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  ids.filter((id, place) => ids.indexOf(id) !== place).forEach((id) => complaints.push(`id twice: ${id}`));

  // WCAG 2.2, 1.4.3: 4.5 to 1, and 3 to 1 for large text.
  const numbers = (colour) => (colour.match(/[\d.]+/g) || []).map(Number);
  const light = (colour) => {
    const [r, g, b] = numbers(colour).map((part) => part / 255)
      .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      const parts = numbers(colour);
      if (parts.length === 3 || parts[3] > 0.5) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  for (const element of document.querySelectorAll("body *")) {
    if (![...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) continue;
    if (!element.getClientRects().length || element.tagName === "title") continue;
    const style = getComputedStyle(element);
    const colour = element instanceof SVGElement ? style.fill : style.color;
    const [a, b] = [light(colour), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) complaints.push(`contrast ${ratio.toFixed(2)}: ${text(element)} (${colour} on ${behind(element)})`);
  }
  return [...new Set(complaints)];
}
