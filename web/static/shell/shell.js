// What every page has: forms that send themselves once, selects that submit, a job's progress.

for (const select of document.querySelectorAll("[data-submit-on-change]")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}

for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", () => {
    const button = form.querySelector("button[type=submit]");
    setTimeout(() => {
      button.disabled = true;
      button.setAttribute("aria-busy", "true");
    });
  });
}

window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const button of document.querySelectorAll("form[data-once] button[type=submit]")) {
    button.disabled = false;
    button.removeAttribute("aria-busy");
  }
});

const target = document.querySelector("[data-target]");
if (target) {
  const output = document.querySelector("[data-estimate]");
  const households = Number(target.dataset.households);
  const say = () => {
    const wanted = Number(target.value);
    const text = wanted > 0 && households > 0 ? output.dataset.text : "";
    output.textContent = text
      .replace("{households}", households.toLocaleString("en-US"))
      .replace("{n}", Math.max(1, Math.round(households / wanted)).toLocaleString("en-US"));
  };
  target.addEventListener("input", say);
  say();
}

const job = document.querySelector("[data-job]");
if (job) {
  const bar = job.querySelector("progress");
  const step = job.querySelector("[data-job-step]");
  let failures = 0;
  const look = async () => {
    try {
      const response = await fetch(job.dataset.job, { credentials: "same-origin" });
      if (!response.ok) throw new Error(String(response.status));
      const state = await response.json();
      failures = 0;
      bar.value = state.progress;
      step.textContent = state.step;
      if (state.has_ended) {
        window.location.reload();
        return;
      }
    } catch {
      failures += 1;
      if (failures > 20) return;
    }
    setTimeout(look, 700);
  };
  setTimeout(look, 500);
}

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.account[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.account[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
