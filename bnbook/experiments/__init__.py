"""Each experiment is a grid of settings, run, and returned as data.

Read after train.
Used from notebook 00 on.

An experiment returns a dict of plain lists, numbers and strings: `save` writes it as JSON, and the function of the same
name in `plots` draws it. Summaries of arms in which a run diverged are None: such digits differ between machines,
and only the verdict "did not train" may be printed.
"""

from .batch_size import accumulation as accumulation
from .batch_size import again as again
from .batch_size import batch_sizes as batch_sizes
from .batch_size import fine_tuning as fine_tuning
from .batch_size import ghost_batches as ghost_batches
from .batch_size import one_class as one_class
from .batch_size import outputs_by_batch as outputs_by_batch
from .batch_size import shared_nuisance as shared_nuisance
from .batch_size import statistics_error as statistics_error
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
from .decay import equilibrium as equilibrium
from .decay import weight_decay_equilibrium as weight_decay_equilibrium
from .depth import gradient_growth as gradient_growth
from .depth import only_norms as only_norms
from .depth import skip_connections as skip_connections
from .depth import trainability as trainability
from .engine import Moment as Moment
from .engine import Setting as Setting
from .engine import build as build
from .engine import hidden_weights as hidden_weights
from .engine import run as run
from .engine import run_all as run_all
from .forward import variance_errors as variance_errors
from .images import sample_size as sample_size
from .images import shared_statistic as shared_statistic
from .landscape import along_gradient as along_gradient
from .landscape import rescaled_smoothness as rescaled_smoothness
from .pytorch import drop_in as drop_in
from .pytorch import graph_nodes as graph_nodes
from .pytorch import same_losses as same_losses
from .rates import RATES as RATES
from .rates import agreement as agreement
from .rates import band as band
from .rates import extreme_rates as extreme_rates
from .rates import learning_rates as learning_rates
from .rates import matched_rates as matched_rates
from .relatives import distorted as distorted
from .relatives import invariances as invariances
from .relatives import relatives as relatives
from .relatives import run_again as run_again
from .results import evidence as evidence
from .results import interval as interval
from .results import load as load
from .results import save as save
from .results import steps_to as steps_to
from .results import versions as versions
from .scale import effective_rate as effective_rate
from .scale import equivalent_rates as equivalent_rates
from .scale import invariance_check as invariance_check
from .scale import norm_growth as norm_growth
from .scale import of_hidden_weights as of_hidden_weights
from .scale import scale_invariance as scale_invariance
from .scale import with_eps as with_eps
from .shift import gradient_change as gradient_change
from .shift import gradient_shift as gradient_shift
from .shift import input_drift as input_drift
from .shift import noisy_batch_norm as noisy_batch_norm
from .shift import same_runs as same_runs
from .shift import unit_inputs as unit_inputs
from .shift import wasserstein_1d as wasserstein_1d
from .speed import fewer_passes as fewer_passes
from .speed import passes as passes
from .speed import peak as peak
from .start import first_look as first_look
from .train_eval import SMALL as SMALL
from .train_eval import biased_variance as biased_variance
from .train_eval import companions as companions
from .train_eval import forgotten_eval as forgotten_eval
from .train_eval import train_eval_gap as train_eval_gap
from .train_eval import trained_mlp as trained_mlp
from .why import after_training as after_training
from .why import twenty_layers as twenty_layers
