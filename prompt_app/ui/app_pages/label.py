"""Label: people say what a reply is worth, one row at a time."""

import streamlit as st

from prompt_app.ui.components.label_queues import chosen_queue, queue_list
from prompt_app.ui.components.label_standing import standing_section
from prompt_app.ui.components.label_task import task_section

st.title("Label")
queue = chosen_queue()
if queue is None:
    queue_list()
else:
    task_section(queue)
    standing_section(queue)
