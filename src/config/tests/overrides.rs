//! Options from outside files, as they are typed.

use super::{LEAST, load_files, loaded};
use crate::config::{
    Behaviour, Device, Experiment, LossNormalizeType, Metric, Model, Request, Wav2vec2, resolved_toml,
};

fn with_hparams(hparams: &str) -> Experiment {
    let request = Request { hparams: Some(hparams.to_owned()), ..Request::default() };
    load_files(&[("x.toml", LEAST)], &request).expect("a sound experiment").experiment
}

fn wav2vec2(experiment: Experiment) -> Wav2vec2 {
    let Model::Wav2vec2(model) = experiment.model else { panic!("another family") };
    model
}

#[test]
fn a_paper_s_hparams_are_understood_as_they_stand() {
    let experiment = with_hparams(
        "batch_size=18,batch_frame_limit=1.9e6,batch_quad_frame_limit=3e11,loss_normalize_type=sample,\
         data_warmup_steps=10000,asr_use_mamba=True,asr_mamba_residual_inside=False",
    );
    assert_eq!(experiment.data.batch_size, 18);
    assert_eq!(experiment.data.batch_frame_limit, 1.9e6);
    assert_eq!(experiment.data.batch_quad_frame_limit, 3e11);
    assert_eq!(experiment.data.data_warmup_steps, 10_000);
    assert_eq!(experiment.train.loss_normalize_type, LossNormalizeType::Sample);
    let model = wav2vec2(experiment);
    assert!(model.asr_use_mamba && !model.asr_mamba_residual_inside);
}

#[test]
fn lists_elements_and_python_words() {
    let model =
        wav2vec2(with_hparams("classifier_num_targets=[1251, 3],use_classifier=1,conv_bias=0,conv_dim[6]=9"));
    assert_eq!(model.classifier_num_targets, [1251, 3]);
    assert!(model.use_classifier && !model.conv_bias);
    assert_eq!(model.conv_dim, [512, 512, 512, 512, 512, 512, 9]);
    let model = wav2vec2(
        loaded(LEAST, &["model.wav2vec2.conv_dim=[1,2]", "model.wav2vec2.conv_dim[0]=7"]).experiment,
    );
    assert_eq!(model.conv_dim, [7, 2]);
}

#[test]
fn text_needs_no_quotes() {
    let sets =
        ["run.device=cpu", "name=42", "data.dir=\"a b\"", "eval.select=dev/cer", "train.freeze_module=a,b=c"];
    let experiment = loaded(LEAST, &sets).experiment;
    assert_eq!(experiment.run.device, Device::Cpu);
    assert_eq!(experiment.name, "42");
    assert_eq!(experiment.data.dir, "a b");
    assert_eq!(experiment.eval.select, Metric::Cer);
    assert_eq!(experiment.train.freeze_module, "a,b=c");
}

/// However it is written, it is read back as it was meant: config.toml of a run is read by its helpers.
#[test]
fn a_gpu_is_named_by_its_number() {
    for (written, device, kept) in [
        ("cuda:3", Device::Cuda(3), "cuda:3"),
        ("\"cuda:12\"", Device::Cuda(12), "cuda:12"),
        ("cuda:0", Device::Cuda(0), "cuda"),
        ("cuda", Device::Cuda(0), "cuda"),
        ("auto", Device::Auto, "auto"),
    ] {
        let experiment = loaded(LEAST, &[&format!("run.device={written}")]).experiment;
        assert_eq!(experiment.run.device, device, "{written}");
        let toml = resolved_toml(&experiment, &[]).expect("TOML");
        assert!(toml.contains(&format!("device = \"{kept}\"")), "{toml}");
        assert_eq!(
            load_files(&[("x.toml", &toml)], &Request::default()).expect("reads back").experiment,
            experiment
        );
    }
}

#[test]
fn a_table_can_be_set_at_once() {
    let experiment = loaded(LEAST, &["distill={ teacher = \"t\", teacher_mode = \"reference\" }"]).experiment;
    let distill = experiment.distill.expect("a teacher");
    assert_eq!((distill.teacher.as_str(), distill.teacher_mode), ("t", Behaviour::Reference));
}

#[test]
fn integers_do_for_numbers() {
    assert_eq!(loaded(LEAST, &["train.max_grad_norm=1"]).experiment.train.max_grad_norm, 1.0);
}
