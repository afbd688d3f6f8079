// Looks at a report as people and axe-core do: screenshots in light, dark, narrow and on paper, console errors, requests, accessibility.
//
//   npm install --prefix /tmp/check playwright-core axe-core
//   NODE_PATH=/tmp/check/node_modules node eng/check-report.mjs report.html /tmp/check/shot
//
// Exit code 1 where something is wrong. Chromium is taken from CHROMIUM or /usr/bin/chromium.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const require = createRequire((process.env.NODE_PATH ?? process.cwd() + '/node_modules') + '/');
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const [, , file, shots] = process.argv;
const looks = {
  light: { viewport: { width: 1280, height: 900 } },
  dark: { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' },
  narrow: { viewport: { width: 375, height: 800 } },
};

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
let problems = 0;
const tell = (...words) => { problems++; console.log(...words); };

for (const [name, look] of Object.entries(looks)) {
  // axe-core is a program the page's own policy would not let in.
  const page = await (await browser.newContext({ ...look, bypassCSP: true })).newPage();
  page.on('console', message => tell(name, message.type(), message.text()));
  page.on('pageerror', error => tell(name, error.message));
  page.on('request', request => { if (!request.url().startsWith('file:')) tell(name, 'asked for', request.url()); });
  await page.goto(pathToFileURL(file).href);
  await page.screenshot({ path: `${shots}-${name}.png`, fullPage: true });
  if (await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth)) tell(name, 'scrolls sideways');
  if (name === 'light') await page.pdf({ path: `${shots}-paper.pdf`, format: 'A4', printBackground: true });

  await page.evaluate(() => document.querySelectorAll('details').forEach(details => { details.open = true; }));
  if (await page.$('#rows .toggle')) await page.click('#rows .toggle');
  await page.evaluate(axe);
  const result = await page.evaluate(() => window.axe.run());
  for (const violation of result.violations) tell(name, violation.id, violation.impact, violation.nodes.length, violation.nodes[0].target, violation.nodes[0].failureSummary);
  console.log(`${name}: ${result.violations.length} violations, ${result.passes.length} rules passed; interactive after ${await page.evaluate(() => document.documentElement.dataset.ready ?? '–')} ms`);
}
await browser.close();
process.exit(problems > 0 ? 1 : 0);
