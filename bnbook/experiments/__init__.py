"""Each experiment is a grid of settings, run, and returned as data.

Read after train.
Used from notebook 00 on.

An experiment returns a dict of plain lists, numbers and strings: `save` writes it as JSON, and the function of the same
name in `plots` draws it. Summaries of arms in which a run diverged are None: such digits differ between machines,
and only the verdict "did not train" may be printed.
"""

from .claims import adding as adding
from .claims import all_examples as all_examples
from .claims import claims as claims
from .claims import degrees_of_freedom as degrees_of_freedom
from .claims import dimensions as dimensions
from .claims import folklore as folklore
from .claims import generalization as generalization
from .claims import random_labels as random_labels
from .claims import rerun as rerun
from .claims import robustness as robustness
from .claims import table as table
from .engine import Moment as Moment
from .engine import Setting as Setting
from .engine import build as build
from .engine import evidence as evidence
from .engine import hidden_weights as hidden_weights
from .engine import interval as interval
from .engine import load as load
from .engine import run as run
from .engine import run_all as run_all
from .engine import save as save
from .engine import versions as versions
from .forward import variance_errors as variance_errors
from .images import sample_size as sample_size
from .images import shared_statistic as shared_statistic
from .pytorch import drop_in as drop_in
from .pytorch import graph_nodes as graph_nodes
from .pytorch import same_losses as same_losses
from .start import first_look as first_look
from .train_eval import SMALL as SMALL
from .train_eval import biased_variance as biased_variance
from .train_eval import companions as companions
from .train_eval import forgotten_eval as forgotten_eval
from .train_eval import train_eval_gap as train_eval_gap
from .train_eval import trained_mlp as trained_mlp
from .why import after_training as after_training
from .why import twenty_layers as twenty_layers
