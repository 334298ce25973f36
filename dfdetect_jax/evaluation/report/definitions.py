"""Every metric of the page in one line: its name in `metrics.json`, its heading, and its definition."""

DEFINITIONS = (
    ("auc", "AUC", "area under the ROC curve = P(score of a fake > score of a real) + ½ P(equal); 0.5 is chance"),
    ("ap", "AP", "average precision Σ (Rₖ − Rₖ₋₁) Pₖ over falling thresholds, fakes as positives, not interpolated"),
    ("eer", "EER", "rate at which FPR = FNR, both interpolated linearly between neighbouring points of the ROC curve"),
    ("eer_nearest", "EER nearest", "FPR at the point where |FNR − FPR| is least, as in DeepfakeBench"),
    ("tpr_at_fpr_1", "TPR @ FPR 1%", "highest TPR of a threshold with FPR ≤ 1%; unreliable below 100 reals"),
    ("tpr_at_fpr_0_1", "TPR @ FPR 0.1%", "the same with FPR ≤ 0.1%; unreliable below 1000 reals"),
    ("accuracy", "accuracy", "share classified correctly: fake where score ≥ threshold; threshold from validation"),
    ("balanced_accuracy", "balanced accuracy", "(TPR + 1 − FPR) / 2 at the threshold"),
    ("tpr", "TPR", "share of fakes classified as fake at the threshold; FNR = 1 − TPR"),
    ("fpr", "FPR", "share of reals classified as fake at the threshold: false alarms"),
    ("brier", "Brier", "mean of (score − label)², label 1 for fakes; lower is better"),
    ("log_loss", "log loss", "mean of −log(probability of the true label), natural logarithm; 0.693 for a constant ½"),
    (
        "ece",
        "ECE",
        "Σ over 15 equal-width bins of the score: share of rows in the bin × |share of fakes − mean score|",
    ),
    (
        "*_calibrated",
        "… calibrated",
        "the same metric of σ(logit(score) / T), temperature T of least log loss on validation; ranks stay the same",
    ),
    ("dfb_compat", "AUC (DeepfakeBench)", "AUC of videos, frames grouped by the last part of the video's name"),
    ("pixel_auc", "pixel AUC", "AUC of attention over all pixels of measured fakes pooled, forged pixels as positives"),
    (
        "blob_auc",
        "blob AUC",
        "pixel AUC of one fixed spot in the middle of every crop: a baseline that ignores the image",
    ),
    ("pixel_ap", "pixel AP", "average precision of the same pixels; noise reaches the share of forged pixels"),
    ("iou", "IoU @ 0.5", "mean over fakes of |P ∩ M| / |P ∪ M|: P the pixels with attention ≥ 0.5, M the mask"),
    (
        "iou_best",
        "IoU best",
        "the same at the threshold that is best on validation, or else best on these images, which is optimistic",
    ),
    ("f1", "F1 @ 0.5", "mean over fakes of 2 |P ∩ M| / (|P| + |M|), attention ≥ 0.5"),
    ("f1_best", "F1 best", "the same at that threshold"),
    ("pointing", "pointing", "share of fakes whose highest attention lies inside the mask"),
    ("real_attention", "on reals", "mean attention over pixels of reals"),
    ("real_area", "area on reals", "share of pixels of reals with attention ≥ 0.5"),
)
OTHER_DEFINITIONS = (
    ("frame, video", "a video's score is the mean over its frames; frames are grouped by data set and video name"),
    (
        "[low, high]",
        "95% interval, 2.5th to 97.5th percentile over bootstrap resamples of whole people or videos, with replacement",
    ),
    ("seen, unseen", "whether the forgery was in the training data; its fakes are measured against all reals"),
    ("noise, centre blob", "maps that ignore the image: independent noise, on average, and the fixed spot"),
    ("difference, p", "a − b on the same frames and resamples; p is two-sided, from the share of resamples across 0"),
    ("threshold from frozen", "the run's own, of highest balanced accuracy on reals and seen forgeries of validation"),
    ("from self-blended", "the same on reals of validation and their self-blended twins"),
    ("from mixture", "looks at the set's scores: half-way between two normal distributions fitted to their logits"),
    (
        "from priors",
        "looks at the set's scores: of highest accuracy at the share of fakes that expectation maximisation estimates",
    ),
    (
        "from real mode",
        "looks at the set's scores: takes the peak of their density for the reals, and moves the frozen threshold by "
        "how this peak lies and spreads beside that of validation's reals",
    ),
    (
        "conformal sets",
        "a set holds each label for which the score is not unusual in calibration; coverage: share of sets with the "
        "true label; labels: their mean number in a set; uncertain: share of sets with both labels or none",
    ),
    (
        "over seeds",
        "mean, sample standard deviation and 95% interval (Student's t) over runs that differ in the seed alone",
    ),
)
HEADINGS = {name: heading for name, heading, _ in DEFINITIONS}


def heading(name: str) -> str:
    """The heading of a metric's column."""
    plain = name.removesuffix("_calibrated")
    return HEADINGS[plain] + (" calibrated" if plain != name else "")
