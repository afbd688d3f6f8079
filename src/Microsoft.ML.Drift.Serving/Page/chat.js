// A chat with the model behind this page. Answers are put into the page as text nodes only, never as HTML.

const $ = id => document.getElementById(id);
const elements = {
  model: $('model'), state: $('state'), messages: $('messages'), welcome: $('welcome'), composer: $('composer'), prompt: $('prompt'), send: $('send'), stop: $('stop'),
  settings: $('settings'), settingsButton: $('settings-button'), system: $('system'), temperature: $('temperature'), maxTokens: $('max-tokens'), key: $('key'), keyRow: $('key-row'),
  newChat: $('new-chat'), announcer: $('announcer'), hintFeedback: $('hint-feedback'), main: document.querySelector('main'),
};
const roleNames = { system: 'Instructions', user: 'You', assistant: 'Model' };

let server = { model: '', key: false, feedback: false, pairs: false };
// The conversation: {role, content, item, finish?, replaced?: the complaint whose answer this message tries to better}.
let conversation = [];
let running = null;

// --- talking to the server ---------------------------------------------------------------------------------------------------------------------------

class ServerError extends Error {
  constructor(status, message, retryAfter) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

async function post(path, body, signal) {
  const headers = { 'Content-Type': 'application/json' };
  if (elements.key.value) headers.Authorization = `Bearer ${elements.key.value}`;
  let response;
  try {
    response = await fetch(path, { method: 'POST', headers, body: JSON.stringify(body), signal });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ServerError(0, 'The server cannot be reached. Is it still running?');
  }
  if (response.ok) return response;
  const told = await response.json().catch(() => null);
  throw new ServerError(response.status, told?.error?.message ?? `The server answered with status ${response.status}.`, response.headers.get('Retry-After'));
}

// The data of server-sent events, one object each.
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  while (true) {
    const { value, done } = await reader.read();
    if (done) throw new ServerError(0, 'The connection ended before the answer did.');
    const lines = (rest + value).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      if (!line.startsWith('data: ')) continue;
      const data = line.slice(6);
      if (data === '[DONE]') return;
      const event = JSON.parse(data);
      if (event.error) throw new ServerError(0, event.error.message);
      yield event;
    }
  }
}

// --- the conversation on the page --------------------------------------------------------------------------------------------------------------------

function addMessage(role, content) {
  const item = document.getElementById('message').content.firstElementChild.cloneNode(true);
  item.className = role;
  item.querySelector('h2').textContent = roleNames[role];
  const message = { role, content, item };
  conversation.push(message);
  elements.messages.append(item);
  elements.welcome.hidden = true;
  showText(message);
  return message;
}

// Plain text with its white space; fenced and inline code are set in a fixed-width face, **bold** is bold.
function showText({ item, content }) {
  const nodes = [];
  content.split(/^```[^\n]*\n?/m).forEach((part, index) => {
    if (index % 2 === 0) nodes.push(...inline(part));
    else nodes.push(element('pre', element('code', part.replace(/\n$/, ''))));
  });
  item.querySelector('.text').replaceChildren(...nodes);
}

// Tokens come faster than the screen shows them: the text is laid out once for a picture, not once for a token.
function showSoon(message) {
  if (message.isDue) return;
  message.isDue = true;
  requestAnimationFrame(() => {
    message.isDue = false;
    if (message.item.classList.contains('writing')) followText(() => showText(message));
  });
}

function* inline(text) {
  for (const piece of text.split(/(`[^`\n]+`|\*\*[^*\n]+\*\*)/)) {
    if (piece.length > 2 && piece.startsWith('`')) yield element('code', piece.slice(1, -1));
    else if (piece.length > 4 && piece.startsWith('**')) yield element('strong', piece.slice(2, -2));
    else if (piece) yield document.createTextNode(piece);
  }
}

function element(name, content, className = '') {
  const made = document.createElement(name);
  made.append(content);
  if (className) made.className = className;
  return made;
}

function button(label, action) {
  const made = element('button', label);
  made.type = 'button';
  made.addEventListener('click', action);
  return made;
}

function followText(change) {
  const { main } = elements;
  const follows = main.scrollHeight - main.scrollTop - main.clientHeight < 80;
  change();
  if (follows) main.scrollTop = main.scrollHeight;
}

function scrollToEnd() {
  elements.main.scrollTop = elements.main.scrollHeight;
}

// An answer that failed says nothing.
const toSend = messages => messages.filter(({ content }) => content).map(({ role, content }) => ({ role, content }));

function setRunning(controller) {
  running = controller;
  elements.send.hidden = running !== null;
  elements.stop.hidden = running === null;
  for (const control of document.querySelectorAll('.actions button, .complaint button[type=submit]')) control.disabled = running !== null;
  elements.state.textContent = running ? 'writing …' : '';
}

// --- asking ------------------------------------------------------------------------------------------------------------------------------------------

async function ask(text, replaced) {
  if (conversation.length === 0 && elements.system.value.trim()) addMessage('system', elements.system.value.trim());
  addMessage('user', text);
  await answer(replaced);
}

async function answer(replaced) {
  const body = { model: server.model, messages: toSend(conversation), stream: true };
  if (elements.temperature.value) body.temperature = Number(elements.temperature.value);
  if (elements.maxTokens.value) body.max_tokens = Number(elements.maxTokens.value);
  const message = addMessage('assistant', '');
  message.replaced = replaced;
  message.item.classList.add('writing');
  scrollToEnd();
  const controller = new AbortController();
  setRunning(controller);
  let problem = null;
  try {
    const response = await post('v1/chat/completions', body, controller.signal);
    for await (const event of events(response)) {
      const choice = event.choices[0];
      if (choice?.delta.content) {
        message.content += choice.delta.content;
        showSoon(message);
      }
      if (choice?.finish_reason) message.finish = choice.finish_reason;
    }
  } catch (error) {
    if (error.name !== 'AbortError') problem = error;
  }
  message.item.classList.remove('writing');
  // A new chat may have begun meanwhile.
  if (running === controller) setRunning(null);
  if (!conversation.includes(message)) return;
  followText(() => {
    showText(message);
    finish(message, problem);
  });
  if (problem?.status !== 401) elements.prompt.focus();
}

function finish(message, problem) {
  const actions = message.item.querySelector('.actions');
  if (problem) {
    showProblem(message, problem);
    if (!message.content) return;
  } else if (!message.content) {
    message.item.querySelector('.text').append(element('em', message.finish ? 'The model answered with nothing.' : 'Stopped.'));
  }
  if (!message.finish && !problem) actions.append(element('p', 'Stopped here.'));
  if (message.finish === 'length') actions.append(element('p', 'The answer reached its longest length.'));
  if (message.content && server.feedback) offerComplaint(message);
  elements.announcer.textContent = message.content ? `The model: ${message.content}` : '';
}

// A message that got no answer can be sent again; what is not answered does not stay in the conversation.
function showProblem(message, problem) {
  const actions = message.item.querySelector('.actions');
  const told = element('p', problem.status === 401 ? 'The server asks for its API key. Enter it in the settings above, then try again.' : problem.message, 'problem');
  told.setAttribute('role', 'alert');
  actions.append(told);
  if (problem.status === 401) openSettings(elements.key);
  if (message.content) return;
  actions.append(button('Try again', () => {
    message.item.remove();
    conversation = conversation.filter(other => other !== message);
    answer(message.replaced);
  }));
}

// --- saying what is wrong ----------------------------------------------------------------------------------------------------------------------------

function offerComplaint(message) {
  const actions = message.item.querySelector('.actions');
  const mark = button('Bad answer', () => openComplaint(message, mark));
  mark.setAttribute('aria-expanded', 'false');
  actions.append(mark);
  if (message.replaced && server.pairs && message.finish) actions.append(button('This one is better', event => savePair(message, event.currentTarget)));
}

function openComplaint(message, mark) {
  const open = message.item.querySelector('.complaint');
  if (open) return close();
  const form = document.getElementById('complaint').content.firstElementChild.cloneNode(true);
  const field = form.querySelector('textarea');
  field.id = `complaint-${conversation.indexOf(message)}`;
  form.querySelector('label').htmlFor = field.id;
  form.querySelector('.cancel').addEventListener('click', close);
  form.addEventListener('keydown', event => { if (event.key === 'Escape') close(); });
  form.addEventListener('submit', event => {
    event.preventDefault();
    saveComplaint(message, form, event.submitter?.value === 'retry');
  });
  mark.setAttribute('aria-expanded', 'true');
  followText(() => message.item.append(form));
  field.focus();

  function close() {
    message.item.querySelector('.complaint')?.remove();
    mark.setAttribute('aria-expanded', 'false');
    mark.focus();
  }
}

async function saveComplaint(message, form, retry) {
  const feedback = form.querySelector('textarea').value.trim();
  const problem = form.querySelector('.problem');
  if (!feedback) {
    problem.textContent = 'Write what is wrong.';
    return form.querySelector('textarea').focus();
  }
  if (retry && running) {
    problem.textContent = 'Another answer is being written; wait for its end, or stop it.';
    return;
  }
  const at = conversation.indexOf(message);
  const complaint = { messages: toSend(conversation.slice(0, at)), rejected: message.content, feedback };
  for (const control of form.querySelectorAll('button')) control.disabled = true;
  try {
    await post('feedback', complaint);
  } catch (error) {
    for (const control of form.querySelectorAll('button')) control.disabled = false;
    problem.textContent = error.message;
    return;
  }
  message.item.classList.add('bad');
  form.remove();
  message.item.querySelector('.actions').replaceChildren(element('p', `Bad: ${feedback}`, 'said'), element('p', 'Saved, thank you.'));
  elements.announcer.textContent = 'Saved, thank you.';
  if (!retry) return elements.prompt.focus();
  // The model hears the complaint as the next turn; what came after the bad answer no longer belongs to the conversation.
  for (const later of conversation.splice(at + 1)) later.item.remove();
  ask(feedback, complaint);
}

async function savePair(message, pressed) {
  pressed.disabled = true;
  try {
    await post('feedback', { ...message.replaced, chosen: message.content, chosen_finish_reason: message.finish });
    pressed.replaceWith(element('p', 'Saved as the better answer.', 'good'));
    elements.announcer.textContent = 'Saved as the better answer.';
  } catch (error) {
    pressed.disabled = false;
    message.item.querySelector('.actions').append(element('p', error.message, 'problem'));
  }
}

// --- the page's controls -----------------------------------------------------------------------------------------------------------------------------

function openSettings(focusOn) {
  elements.settings.hidden = false;
  elements.settingsButton.setAttribute('aria-expanded', 'true');
  focusOn?.focus();
}

function growPrompt() {
  elements.prompt.style.height = 'auto';
  elements.prompt.style.height = `${elements.prompt.scrollHeight + 2}px`;
}

elements.composer.addEventListener('submit', event => {
  event.preventDefault();
  const text = elements.prompt.value.trim();
  if (!text || running) return;
  elements.prompt.value = '';
  growPrompt();
  ask(text);
});

elements.prompt.addEventListener('keydown', event => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  elements.composer.requestSubmit();
});

elements.prompt.addEventListener('input', growPrompt);
elements.stop.addEventListener('click', () => running?.abort());
elements.key.addEventListener('change', () => sessionStorage.setItem('drift-key', elements.key.value));
elements.settings.addEventListener('submit', event => event.preventDefault());

elements.settingsButton.addEventListener('click', () => {
  if (elements.settings.hidden) return openSettings();
  elements.settings.hidden = true;
  elements.settingsButton.setAttribute('aria-expanded', 'false');
});

elements.newChat.addEventListener('click', () => {
  running?.abort();
  setRunning(null);
  conversation = [];
  elements.messages.replaceChildren();
  elements.welcome.hidden = false;
  elements.announcer.textContent = 'New chat.';
  elements.prompt.focus();
});

async function start() {
  const response = await fetch('chat.json');
  server = await response.json();
  document.title = `${server.model} – chat`;
  elements.model.textContent = server.model;
  elements.welcome.textContent = server.feedback
    ? `Talk to ${server.model}. If an answer is bad, mark it and write what is wrong: the model can learn from it.`
    : `Talk to ${server.model}.`;
  elements.hintFeedback.textContent = server.feedback ? 'Only what you mark as bad is kept, with its conversation.' : 'Nothing is kept.';
  if (!server.key) return;
  elements.keyRow.hidden = false;
  elements.key.value = sessionStorage.getItem('drift-key') ?? '';
  if (!elements.key.value) openSettings(elements.key);
}

start().catch(() => { elements.welcome.textContent = 'The server cannot be reached. Is it still running?'; });
