"""One drawing per experiment: what the function of the same name in `experiments` returned goes in.

Read after experiments.
Used from notebook 00 on.

Every function here returns two things: the matplotlib axes (one, or an array of them) and a text alternative, which
says in words and rounded numbers what the figure shows. Titles and texts are computed from the data, so they cannot
say what the picture does not. Each arm has one colour and one line style throughout the course, told apart by
colour-blind readers and in grey.

    axes, text = plots.first_look(results)
"""

from .backward import backward_graph as backward_graph
from .backward import projection as projection
from .claims import adding as adding
from .claims import claims as claims
from .claims import dimensions as dimensions
from .claims import folklore as folklore
from .claims import generalization as generalization
from .claims import random_labels as random_labels
from .claims import robustness as robustness
from .cnn import averaged_axes as averaged_axes
from .cnn import channel_histograms as channel_histograms
from .cnn import feature_maps as feature_maps
from .cnn import photographs as photographs
from .cnn import sample_size as sample_size
from .cnn import shared_statistic as shared_statistic
from .forward import batch_norm_stages as batch_norm_stages
from .forward import eps_placement as eps_placement
from .forward import images as images
from .forward import same_shape as same_shape
from .forward import shared_mean as shared_mean
from .forward import variance_errors as variance_errors
from .pytorch import autograd_function as autograd_function
from .pytorch import graph_nodes as graph_nodes
from .pytorch import same_losses as same_losses
from .start import first_look as first_look
from .style import ARMS as ARMS
from .train_eval import companions as companions
from .train_eval import folding_errors as folding_errors
from .train_eval import forgotten_eval as forgotten_eval
from .train_eval import running_average as running_average
from .train_eval import train_eval_gap as train_eval_gap
from .why import after_training as after_training
from .why import last_layer as last_layer
from .why import twenty_layers as twenty_layers
