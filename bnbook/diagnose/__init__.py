"""Find what is wrong with the BatchNorm layers of your own model, and leave the model as it was.

Read after gpu.
Used in notebook 13.

    from bnbook.diagnose import diagnose
    print(diagnose(model, train_loader))

Without data: what structure, flags and buffers show. With data: what a few batches show. A gap counts when it exceeds
what the data's own noise explains.
"""

from .clinic import diagnose as diagnose
from .record import LayerRecord as LayerRecord
from .replicas import compare_replicas as compare_replicas
from .report import Finding as Finding
from .report import Measured as Measured
from .report import Report as Report
